/** Bytes of which two pieces, in base64, fill a message. Of three, so that only the last one is padded. */
const PIECE = 141;

/** A hello as values of an option, in base64. One at least: an empty hello is refused, and not left out. */
export function helloPieces(hello: Buffer): string[] {
  const count = Math.max(1, Math.ceil(hello.length / PIECE));
  return Array.from({ length: count }, (_, at) =>
    hello.toString('base64', at * PIECE, (at + 1) * PIECE),
  );
}

/** The hello of all its pieces; undefined: there are none. */
export function wholeHello(pieces: readonly string[]): Buffer | undefined {
  if (pieces.length === 0) return undefined;
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
}
