/** What OpenSSL does not ask of a path, and that it must meet all the same. */
import { X509Certificate } from 'node:crypto';
import { type Donai, formatDonai } from '../../identity/donai.ts';
import { DerError } from '../der.ts';
import { excludes } from '../excluded-names.ts';
import type { Tools } from '../exhibit.ts';
import { type Finding, fails, holds } from '../finding.ts';
import { type Asked, holdsUntil } from '../ocsp-responders.ts';
import type { HandshakeFacts, RemoteQuestion } from '../remote-question.ts';
import { mustStaple, tlsFeatures } from '../tls-features.ts';
import { requireWellFormed } from '../well-formed.ts';

/**
 * Whether a path that OpenSSL is content with counts for that name, and until when.
 * @param path DER, leaf first @param byDomain whether a domain stands for its user
 */
export async function fitnessOf(
  path: readonly Buffer[],
  name: Donai,
  byDomain: boolean,
  question: RemoteQuestion,
  tools: Tools,
): Promise<Finding> {
  try {
    const distrusted = tools.distrusted.reason(path);
    if (distrusted !== undefined) {
      return fails(distrusted.reason, 'certificate_revoked', distrusted.advice);
    }
    const unfit = unfitAuthority(path, name, byDomain);
    if (unfit !== undefined) return fails(unfit, 'bad_certificate');
    return await isStapled(path, question, tools);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return fails(`a certificate of the path is malformed: ${error.message}`, 'bad_certificate');
  }
}

/** The first moment at which one of them expires, in epoch seconds. */
export function end(certificates: readonly Buffer[]): number {
  const ends = certificates.map((der) => new X509Certificate(der).validToDate.getTime());
  return Math.floor(Math.min(...ends) / 1000);
}

/** Why a CA of the path does not count for that name. */
function unfitAuthority(
  path: readonly Buffer[],
  name: Donai,
  byDomain: boolean,
): string | undefined {
  for (const [index, authority] of path.entries()) {
    if (index === 0) continue;
    try {
      // Anchors are as the operator took them.
      if (index < path.length - 1) requireWellFormed(authority);
      if (excludes(authority, name, byDomain)) {
        return `certificate ${index + 1} of the path excludes ${formatDonai(name)}`;
      }
      if (!hasFeatures(path[index - 1], authority)) {
        return `certificate ${index} of the path lacks a TLS feature that its CA demands of all below`;
      }
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      return `certificate ${index + 1} of the path is malformed: ${error.message}`;
    }
  }
  return undefined;
}

/** What a CA's certificate demands, all that it signs must demand as well (RFC 7633 section 4.2.2). */
function hasFeatures(certificate: Buffer | undefined, authority: Buffer): boolean {
  const demanded = tlsFeatures(authority);
  if (certificate === undefined || demanded.length === 0) return true;
  const has = tlsFeatures(certificate);
  return demanded.every((feature) => has.includes(feature));
}

/**
 * A server whose certificate says that it staples has to, as we always ask for that (RFC 7633 section 4.3.3): otherwise
 * whoever stole its key would leave the response out. Of the other features, OpenSSL sees to its own.
 */
async function isStapled(
  path: readonly Buffer[],
  question: RemoteQuestion,
  tools: Tools,
): Promise<Finding> {
  const [leaf, issuer = leaf] = path;
  const until = end(path);
  const needNot = holds('it need not staple', until);
  if (leaf === undefined || issuer === undefined) return needNot;
  const { remoteRole, handshake } = question;
  // Clients are not asked for responses; in a file there is no handshake to look at.
  if (remoteRole === 'client' || handshake === undefined || !mustStaple(leaf)) return needNot;
  const { answer, faults } = await demandedResponse(leaf, issuer, handshake, question, tools);
  switch (answer?.verdict.status) {
    case 'good':
      return holds('what it must staple is there', Math.min(until, holdsUntil(answer.verdict)));
    case 'revoked':
      return fails(`${answer.source} says that it was revoked`, 'certificate_revoked', NEW_ONE);
    case 'unknown':
      return fails(`${MUST}: ${answer.source} does not know it`, 'bad_certificate', STAPLE_IT);
    default:
      return fails(`${MUST}: ${faults.join('; ')}`, 'bad_certificate', STAPLE_IT);
  }
}

/**
 * What came along. Before TLS 1.3 it comes after the certificate is judged, and is forgotten in a session that runs: then
 * the same is asked of who made it.
 */
function demandedResponse(
  leaf: Buffer,
  issuer: Buffer,
  { stapled, version }: HandshakeFacts,
  { ignoreCaches }: RemoteQuestion,
  { responders }: Tools,
): Promise<Asked> {
  if (Buffer.isBuffer(stapled)) return responders.stapled(stapled, leaf, issuer);
  if (stapled === 'forgotten' || version !== 'TLSv1.3') {
    return responders.ask(leaf, issuer, ignoreCaches === true);
  }
  return Promise.resolve({ answer: undefined, faults: ['none came'] });
}

const MUST = 'its certificate demands a stapled OCSP response';
const STAPLE_IT =
  'The other side must turn on OCSP stapling, such as `ssl_stapling on` in nginx, or get a certificate without that demand.';
const NEW_ONE = 'Nothing brings it back: the other side needs a new certificate.';
