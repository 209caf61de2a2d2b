/** `pio_cmd`: what a message is. */
export const commandCodes = {
  success: 0x0000_0000,
  error: 0x0000_0001,
  ping: 0x0000_0010,
  starttls: 0x0000_0024,
  starttlsLocalId: 0x0000_0028,
  pinEntry: 0x0000_0029,
  plaintextConnect: 0x0000_002a,
  prng: 0x0000_002b,
  info: 0x0000_002c,
  detach: 0x0000_0100,
  reattach: 0x0000_0101,
  lidEntryRegister: 0x0000_0200,
  lidEntryCallback: 0x0000_0201,
  /** Ours: see extension.ts. The top bit marks commands that are private to an implementation. */
  starttlsOptions: 0x8000_0024,
  starttlsDetails: 0x8000_0025,
  program: 0x8000_0026,
  clearText: 0x8000_0027,
  withdraw: 0x8000_0028,
} as const;

export type Command = keyof typeof commandCodes;

const byCode: ReadonlyMap<number, Command> = new Map(
  Object.entries(commandCodes).map(([name, code]) => [code, name as Command]),
);

export function commandOf(code: number): Command | undefined {
  return byCode.get(code);
}
