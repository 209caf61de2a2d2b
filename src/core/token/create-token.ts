/** A token of the pool's own in a module: a blank one initialised, with PINs kept in files. */
import { rm } from 'node:fs/promises';
import { TokenError } from './failure.ts';
import {
  initializeToken,
  randomPin,
  requireBlankToken,
  requireFreeLabel,
  setUserPin,
} from './initialize-token.ts';
import { LoadedModule } from './loaded-module.ts';
import type { ModuleConfig } from './modules.ts';
import { createPinFile, type PinSource, readPin } from './pin-source.ts';
import type { BlankToken } from './present-tokens.ts';

export interface TokenOrder {
  readonly label: string;
  /** The user PIN: an existing source, or the path of a file that gets a random one. */
  readonly pin: PinSource | { readonly newFile: string };
  /** Of the security officer, likewise. */
  readonly soPin: PinSource | { readonly newFile: string };
}

export interface CreatedToken {
  readonly uri: string;
  readonly pinSource: PinSource;
  readonly soPinSource: PinSource;
}

/** PIN files are written before the token needs them, and removed again if it never did. */
export async function createToken(config: ModuleConfig, order: TokenOrder): Promise<CreatedToken> {
  using module = LoadedModule.open(config);
  requireFreeLabel(module, order.label);
  const blank = requireBlankToken(module);
  const written: string[] = [];
  const secrets: Buffer[] = [];
  const obtain = async (wanted: TokenOrder['pin']): Promise<[Buffer, PinSource]> => {
    const pin = 'newFile' in wanted ? randomPin(blank) : await readPin(wanted);
    secrets.push(pin);
    requireLength(pin, blank);
    if (!('newFile' in wanted)) return [pin, wanted];
    const source = await createPinFile(wanted.newFile, pin);
    written.push(wanted.newFile);
    return [pin, source];
  };
  try {
    // Before anything is done that cannot be undone.
    const [pin, pinSource] = await obtain(order.pin);
    const [soPin, soPinSource] = await obtain(order.soPin);
    const token = initializeToken(module, blank, { label: order.label, soPin });
    written.length = 0;
    setUserPin(module, token, { pin, soPin });
    return { uri: token.uri, pinSource, soPinSource };
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  } finally {
    for (const secret of secrets) secret.fill(0);
  }
}

function requireLength(pin: Buffer, { shortestPin, longestPin }: BlankToken): void {
  if (pin.length >= shortestPin && pin.length <= longestPin) return;
  throw new TokenError(
    'pin-malformed',
    `the token takes PINs of ${shortestPin} to ${longestPin} bytes, the one given has ${pin.length}`,
  );
}
