import { TlspoolError } from '../errors.ts';

/** RFC 7468: the label of BEGIN and END must agree; what stands between blocks is commentary. */
const BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n([\s\S]*?)^-----END \1-----[ \t]*$/gm;
const BEGIN = /^-----BEGIN /gm;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`, … */
  readonly label: string;
  readonly der: Buffer;
}

/** Throws TlspoolError `bad-pem` if there is a block that cannot be decoded; no block at all is an empty list. */
export function parsePem(text: string): PemBlock[] {
  const blocks = Array.from(text.matchAll(BLOCK), ([, label = '', body = '']) => ({
    label,
    der: decode(label, body),
  }));
  if (blocks.length === (text.match(BEGIN) ?? []).length) return blocks;
  throw new TlspoolError('bad-pem', 'the file has a block of PEM without its end', {
    hint: 'Was it copied whole?',
  });
}

/** The certificates among the blocks, in order. */
export function pemCertificates(text: string): Buffer[] {
  return parsePem(text)
    .filter(({ label }) => label === 'CERTIFICATE' || label === 'X509 CERTIFICATE')
    .map(({ der }) => der);
}

/** Ends with a line end. */
export function formatPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

export function formatPemCertificates(chain: readonly Uint8Array[]): string {
  return chain.map((der) => formatPem('CERTIFICATE', der)).join('');
}

function decode(label: string, body: string): Buffer {
  const base64 = body.replace(/\s+/g, '');
  if (BASE64.test(base64) && base64.length % 4 === 0) return Buffer.from(base64, 'base64');
  throw new TlspoolError('bad-pem', `the ${label} in PEM is not Base64`);
}
