import { createHash } from 'node:crypto';
import { formatDonai } from '../../identity/donai.ts';
import type { Exhibit } from '../exhibit.ts';
import { type Finding, fails, holds, unknown } from '../finding.ts';
import { certificateParts } from '../fingerprints.ts';
import { portOf } from '../service-ports.ts';
import { provesDomain } from '../subject-names.ts';
import { askTlsa, type TlsaRecord } from '../tlsa.ts';
import { understoodFor } from './path.ts';
import { fitnessOf } from './path-fitness.ts';

/** Certificate usages (RFC 7218 section 2.1). */
const PKIX_TA = 0;
const PKIX_EE = 1;
const DANE_TA = 2;
const DANE_EE = 3;

/** `D` `d`: what DNS says of the service, signed by DNSSEC, agrees. `d`: or it is proven to say nothing. */
export async function agreesWithDns(
  exhibit: Exhibit,
  lenient: boolean,
  signal: AbortSignal,
): Promise<Finding> {
  const { question, tools, remoteId } = exhibit;
  if (question.remoteRole === 'client' || remoteId === undefined || remoteId.user !== undefined) {
    return unknown('DNS says nothing about users and clients');
  }
  const { resolver } = tools.settings;
  if (resolver === undefined) {
    return unknown(
      'no resolver is configured that validates DNSSEC',
      'Run one on loopback, such as unbound, and name it: dns_resolver 127.0.0.1 in tlspool.conf.',
      'certificate_unknown',
    );
  }
  const port = portOf(question.service ?? '', question.port);
  if (port === undefined) return unknown('neither service nor port is known to ask DNS about');
  const where = `_${port}._tcp.${formatDonai(remoteId)}`;
  const answer = await askTlsa(resolver, remoteId.domain, port, signal);
  if (answer.is === 'unknown') return unknown(answer.why, undefined, 'certificate_unknown');
  if (answer.is === 'absent') {
    const looked = `${where} is proven to have no TLSA record`;
    return lenient
      ? holds(looked, answer.until)
      : fails(looked, 'certificate_unknown', `Publish one: ${suggestion(exhibit, where)}`);
  }
  for (const record of strongest(answer.records)) {
    const until = await matchesRecord(exhibit, record);
    if (until === undefined) continue;
    const { usage, selector, matchingType } = record;
    const expires = Math.min(until, answer.until);
    return holds(
      `${where} has a TLSA record ${usage} ${selector} ${matchingType} that agrees`,
      expires,
    );
  }
  return fails(
    `none of the ${answer.records.length} TLSA records of ${where} agrees with the certificate`,
    'bad_certificate',
    `If the certificate is right, DNS is not: ${suggestion(exhibit, where)}`,
  );
}

function suggestion({ leaf }: Exhibit, where: string): string {
  const { publicKey } = certificateParts(leaf);
  const digest = createHash('sha256').update(publicKey).digest('hex');
  return `${where}. IN TLSA ${DANE_EE} 1 1 ${digest}`;
}

/** Matching types that are digests (RFC 7218 section 2.3), the strongest first. */
const DIGESTS = [
  { matchingType: 2, hash: 'sha512' },
  { matchingType: 1, hash: 'sha256' },
];

/** Without those that have a stronger one beside them, for the same usage and selector (RFC 7671 section 9). */
function strongest(records: readonly TlsaRecord[]): TlsaRecord[] {
  const rank = (record: TlsaRecord) =>
    DIGESTS.findIndex(({ matchingType }) => matchingType === record.matchingType);
  return records.filter((record) =>
    records.every(
      (other) =>
        other.usage !== record.usage ||
        other.selector !== record.selector ||
        rank(other) < 0 ||
        rank(other) >= rank(record),
    ),
  );
}

/** Until when, in epoch seconds; undefined: it does not. */
async function matchesRecord(exhibit: Exhibit, record: TlsaRecord): Promise<number | undefined> {
  const { question, leaf } = exhibit;
  switch (record.usage) {
    case DANE_EE:
      // Nothing else in the certificate matters (RFC 7671 section 5.1), but only the key's owner could use it.
      return isMeant(record, leaf) ? Number.POSITIVE_INFINITY : undefined;
    case PKIX_EE: {
      if (!isMeant(record, leaf)) return undefined;
      const path = await exhibit.path();
      return path.is === 'found' ? path.finding.until : undefined;
    }
    case PKIX_TA: {
      const path = await exhibit.path();
      if (path.is !== 'found') return undefined;
      const isThere = path.certificates.slice(1).some((issuer) => isMeant(record, issuer));
      return isThere ? path.finding.until : undefined;
    }
    case DANE_TA: {
      const issuer = question.chain.slice(1).find((candidate) => isMeant(record, candidate));
      const inDns = record.selector === 0 && record.matchingType === 0 ? record.data : undefined;
      const anchor = issuer ?? inDns;
      return anchor && endsAt(exhibit, anchor);
    }
    default:
      return undefined;
  }
}

/** The name counts where an issuer is named only (RFC 7671 section 10.2). */
async function endsAt(
  { question, tools, names, remoteId }: Exhibit,
  anchor: Buffer,
): Promise<number | undefined> {
  if (remoteId === undefined || !provesDomain(names, remoteId.domain)) return undefined;
  let handle: number;
  try {
    handle = tools.verifier.createAnchors([anchor]);
  } catch {
    // DNS may say anything, also what is no certificate.
    return undefined;
  }
  try {
    const verdict = await tools.verifier.verifyPath({
      chain: [...question.chain],
      anchors: handle,
      role: question.remoteRole,
      partial: true,
      extensions: understoodFor(question, tools),
    });
    if (!verdict.ok) return undefined;
    const fitness = await fitnessOf(verdict.path, remoteId, false, question, tools);
    return fitness.value === 'true' ? fitness.until : undefined;
  } finally {
    tools.verifier.releaseAnchors(handle);
  }
}

/** Selector and matching type (RFC 6698 sections 2.1.2 and 2.1.3); unknown ones mean nothing. */
function isMeant({ selector, matchingType, data }: TlsaRecord, certificate: Buffer): boolean {
  const part =
    selector === 0
      ? certificate
      : selector === 1
        ? certificateParts(certificate).publicKey
        : undefined;
  if (part === undefined) return false;
  if (matchingType === 0) return data.equals(part);
  const hash = DIGESTS.find((digest) => digest.matchingType === matchingType)?.hash;
  return hash !== undefined && data.equals(createHash(hash).update(part).digest());
}
