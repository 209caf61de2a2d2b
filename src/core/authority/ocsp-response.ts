/** Answers of the local CA about its certificates (RFC 6960), signed by the root itself. */
import { createHash } from 'node:crypto';
import { dottedOid, readExtensions } from '../trust/certificate.ts';
import { children, contentOf, DerError, type Element, readElement, TAG } from '../trust/der.ts';
import {
  element,
  explicit,
  generalizedTime,
  objectIdentifier,
  octets,
  sequence,
} from '../trust/der-writer.ts';
import type { AuthoritySigner } from './authority-signer.ts';

/** What is asked about one certificate. */
export interface AskedStatus {
  /** CertID, DER, to be repeated. */
  readonly id: Buffer;
  readonly hash: string;
  readonly issuerName: Buffer;
  readonly issuerKey: Buffer;
  /** Lower-case hexadecimal, without leading zeros. */
  readonly serial: string;
}

export interface StatusRequest {
  readonly asked: readonly AskedStatus[];
  /** Extension, DER, to be repeated. */
  readonly nonce: Buffer | undefined;
}

export type Status =
  | { readonly is: 'good' }
  | { readonly is: 'revoked'; readonly at: Date }
  | { readonly is: 'unknown' };

/** Certificates that one request may ask about. */
const MOST_ASKED = 16;
const NONCE = '2b0601050507300102';
const hashes: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
};

/** @throws DerError for what is no request, or one about too much */
export function readStatusRequest(der: Buffer): StatusRequest {
  const [tbs] = children(readElement(der));
  const fields = children(tbs);
  const list = fields.find(({ tag }) => tag === TAG.sequence);
  const holder = fields.find(({ tag }) => tag === TAG.context(2));
  const requests = children(list);
  if (requests.length === 0 || requests.length > MOST_ASKED) {
    throw new DerError(`a request asks about 1 to ${MOST_ASKED} certificates`);
  }
  const extensions = holder === undefined ? [] : readExtensions(holder, TAG.context(2));
  const nonce = extensions.find(({ oid }) => oid === NONCE)?.value;
  return {
    asked: requests.map((request) => readCertId(children(request)[0])),
    nonce: nonce && sequence(objectIdentifier('1.3.6.1.5.5.7.48.1.2'), octets(nonce)),
  };
}

/** Whether a root is who is asked about. */
export function isAskedOf(
  { hash, issuerName, issuerKey }: AskedStatus,
  root: AuthoritySigner,
): boolean {
  const digest = (data: Buffer) => createHash(hash).update(data).digest();
  return digest(root.name).equals(issuerName) && digest(root.keyBits).equals(issuerKey);
}

/** CertID of a certificate, as we name it in stapled responses. */
export function certId(root: AuthoritySigner, serial: string): Buffer {
  const digest = (data: Buffer) => octets(createHash('sha1').update(data).digest());
  const even = serial.length % 2 === 0 ? serial : `0${serial}`;
  const bytes = Buffer.from(even, 'hex');
  const padded = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return sequence(
    sequence(objectIdentifier('1.3.14.3.2.26'), Buffer.of(0x05, 0x00)),
    digest(root.name),
    digest(root.keyBits),
    element(TAG.integer, padded),
  );
}

export interface Answered {
  /** CertID, DER. */
  readonly id: Buffer;
  readonly status: Status;
}

/** OCSPResponse, DER. */
export async function makeResponse(
  root: AuthoritySigner,
  answers: readonly Answered[],
  nonce: Buffer | undefined,
  from: Date,
  until: Date,
): Promise<Buffer> {
  const basic = await root.sign(() =>
    sequence(
      explicit(2, octets(createHash('sha1').update(root.keyBits).digest())),
      generalizedTime(from),
      sequence(...answers.map((answer) => single(answer, from, until))),
      ...(nonce === undefined ? [] : [explicit(1, sequence(nonce))]),
    ),
  );
  return response(
    0,
    explicit(0, sequence(objectIdentifier('1.3.6.1.5.5.7.48.1.1'), octets(basic))),
  );
}

/** Why there is no answer (section 4.2.1). */
export const failures = {
  malformed: response(1),
  tryLater: response(3),
  unauthorized: response(6),
} as const;

function response(status: number, ...content: Buffer[]): Buffer {
  return sequence(element(0x0a, Buffer.of(status)), ...content);
}

function single({ id, status }: Answered, from: Date, until: Date): Buffer {
  return sequence(
    id,
    statusValue(status),
    generalizedTime(from),
    explicit(0, generalizedTime(until)),
  );
}

function statusValue(status: Status): Buffer {
  switch (status.is) {
    case 'good':
      return element(0x80);
    case 'revoked':
      return element(0xa1, generalizedTime(status.at));
    default:
      return element(0x82);
  }
}

function readCertId(id: Element | undefined): AskedStatus {
  const [algorithm, issuerName, issuerKey, serial] = children(id);
  const [oid] = children(algorithm);
  const hash = hashes[dottedOid(contentOf(oid, TAG.objectIdentifier))];
  if (id === undefined || hash === undefined)
    throw new DerError('the hash of a request is unknown');
  return {
    id: id.encoded,
    hash,
    issuerName: contentOf(issuerName, TAG.octetString),
    issuerKey: contentOf(issuerKey, TAG.octetString),
    serial: contentOf(serial, TAG.integer)
      .toString('hex')
      .replace(/^0+(?=.)/, ''),
  };
}
