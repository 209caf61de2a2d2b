import { X509Certificate } from 'node:crypto';
import type { TlsRole } from '../../engine/types.ts';
import { formatDonai } from '../../identity/donai.ts';
import type { AnchorSet } from '../anchor-sets.ts';
import type { Exhibit, Path, Tools } from '../exhibit.ts';
import { type Finding, fails, holds } from '../finding.ts';
import { certificateParts } from '../fingerprints.ts';
import { pathFailure } from '../path-failure.ts';
import type { RemoteQuestion } from '../remote-question.ts';
import { namelessAdvice } from './names.ts';
import { end, fitnessOf } from './path-fitness.ts';

/** Looks for a path to one of the anchors that vouch for the name. @param anchors see AnchorSets; undefined: none do */
export async function findPath(
  { question, tools, remoteId, match }: Exhibit,
  anchors: AnchorSet | undefined,
): Promise<Path> {
  const { remoteRole } = question;
  if (remoteId === undefined) {
    const advice = question.expected === undefined ? namelessAdvice : undefined;
    return missing(
      fails('there is no name that an anchor could vouch for', 'bad_certificate', advice),
    );
  }
  const name = formatDonai(remoteId);
  if (anchors === undefined) {
    const scope = remoteRole === 'client' ? ` --role client --for ${scopeOf(name)}` : '';
    return missing(
      fails(
        `no anchor vouches for a ${remoteRole} called ${name}`,
        'unknown_ca',
        `Add the CA that does: tlspool trust add CA.pem${scope}`,
      ),
    );
  }
  const verdict = await tools.verifier.verifyPath({
    chain: [...question.chain],
    anchors: anchors.handle,
    role: remoteRole,
    extensions: understoodFor(question, tools),
  });
  if (!verdict.ok) {
    const { alert, reason } = pathFailure(verdict);
    return missing(fails(reason, alert, adviceFor(verdict.error, name, remoteRole)));
  }
  const fitness = await fitnessOf(verdict.path, remoteId, match === 'domain', question, tools);
  if (fitness.value !== 'true') return missing(fitness);
  const anchor = verdict.path.at(-1);
  const via = verdict.path.length > 2 ? ` over ${verdict.path.length - 2} between` : '';
  return {
    is: 'found',
    certificates: verdict.path,
    anchors: anchors.handle,
    finding: holds(`a path to ${anchor ? describe(anchor) : 'an anchor'}${via}`, fitness.until),
  };
}

/** `t`: also what is signed by nobody but itself, if it is fit otherwise. */
export async function isSelfSigned({ question, tools, leaf }: Exhibit): Promise<Finding> {
  if (!signsItself(leaf)) return fails('the certificate is not self-signed either', 'unknown_ca');
  const anchors = tools.verifier.createAnchors([leaf]);
  try {
    const verdict = await tools.verifier.verifyPath({
      chain: [leaf],
      anchors,
      role: question.remoteRole,
      partial: true,
      extensions: understoodFor(question, tools),
    });
    if (verdict.ok) return holds('the certificate is self-signed', end([leaf]));
    const { alert, reason } = pathFailure(verdict);
    return fails(`self-signed, but ${reason}`, alert);
  } finally {
    tools.verifier.releaseAnchors(anchors);
  }
}

/** Whether nobody but its own key vouches for it. */
export function signsItself(certificate: Buffer): boolean {
  const { issuer, subject } = certificateParts(certificate);
  if (!issuer.equals(subject)) return false;
  try {
    const parsed = new X509Certificate(certificate);
    return parsed.verify(parsed.publicKey);
  } catch {
    // A key of a kind that OpenSSL does not know signs nothing.
    return false;
  }
}

/** Extensions that predicate `E` looks at. */
export function understoodFor({ service = '' }: RemoteQuestion, { settings }: Tools): string[] {
  return (settings.extensions.get(service) ?? []).map(({ oid }) => oid);
}

function missing(finding: Finding): Path {
  return { is: 'missing', finding };
}

function describe(certificate: Buffer): string {
  const { subject } = new X509Certificate(certificate);
  return subject?.split('\n').at(-1)?.replace(/^CN=/, '') ?? 'an anchor without a name';
}

/** `@example.com` for a user of it. */
function scopeOf(name: string): string {
  return name.includes('@') ? name.slice(name.lastIndexOf('@')) : name;
}

/** By X509_V_ERR_…, as in path-failure.ts. */
function adviceFor(error: number, name: string, role: TlsRole): string | undefined {
  switch (error) {
    case 2:
    case 20:
    case 21:
      return 'Its issuer is no anchor, and was not sent: the other side must send its intermediate certificates, or add its CA: tlspool trust add CA.pem';
    case 18:
      return `Pin the key, and have pins looked at: tlspool trust pin ${name} CERT.pem; tlspool trust expression set 'PTI&r&|' --role ${role}. Or make the certificate come from a CA.`;
    case 19:
      return 'If its CA is to be trusted: tlspool trust add CA.pem';
    case 10:
      return 'The other side must renew its certificate.';
    case 9:
      return 'The certificate is not valid yet: is the clock right, on both sides?';
    case 26:
      return 'The certificate is for another role: it needs the extended key usage of this one.';
    case 66:
    case 67:
    case 68:
      return 'The other side needs a larger key, or a signature with SHA-256.';
    default:
      return undefined;
  }
}
