import type { PathVerdict } from '../../engine/types.ts';
import type { Consulted } from '../crl-lists.ts';
import type { Exhibit, Path, Tools } from '../exhibit.ts';
import { type Finding, fails, holds, unknown } from '../finding.ts';
import { holdsUntil } from '../ocsp-responders.ts';
import { listLocations, responderLocations } from '../revocation-points.ts';
import { signsItself, understoodFor } from './path.ts';

/** X509_V_ERR_CERT_REVOKED */
const REVOKED = 23;

type Found = Extract<Path, { is: 'found' }>;

/** `R` `r`: no list revokes a certificate of the path. `r`: or nobody keeps one. */
export async function isNotListed(exhibit: Exhibit, lenient: boolean): Promise<Finding> {
  if (signsItself(exhibit.leaf)) return nobodyCould(lenient);
  const path = await exhibit.path();
  if (path.is === 'missing') return unknown('no list was looked at: there is no path to an anchor');
  const findings = await Promise.all(
    path.certificates
      .slice(0, -1)
      .map((certificate, depth) => isOneNotListed(exhibit, path, certificate, depth, lenient)),
  );
  const fault = findings.find(({ value }) => value === 'false');
  const open = findings.find(({ value }) => value === 'unknown');
  if (fault !== undefined || open !== undefined) return fault ?? (open as Finding);
  const untils = findings.flatMap(({ until }) => until ?? []);
  const words = [...new Set(findings.map(({ looked }) => looked))];
  return holds(words.join('; '), untils.length === 0 ? undefined : Math.min(...untils));
}

async function isOneNotListed(
  exhibit: Exhibit,
  path: Found,
  certificate: Buffer,
  depth: number,
  lenient: boolean,
): Promise<Finding> {
  const { tools, question } = exhibit;
  const which = depth === 0 ? 'the certificate' : `certificate ${depth + 1} of the path`;
  if (isOwn(tools, path.certificates[depth + 1])) return holds(`${which}: ${OURS}`);
  const known = tools.lists.known(certificate);
  const verdict = await judge(exhibit, path, depth, known);
  if (verdict !== undefined && (verdict.ok || verdict.error === REVOKED)) {
    return conclude(verdict, known, which);
  }
  const fetched = await tools.lists.pointedTo(certificate, question.ignoreCaches === true);
  const fresh = await judge(exhibit, path, depth, fetched);
  if (fresh !== undefined) {
    if (!fresh.ok && fresh.error !== REVOKED) tools.lists.doubt(fetched.sources);
    return conclude(fresh, fetched, which);
  }
  if (verdict !== undefined) return conclude(verdict, known, which);
  if (listLocations(certificate).length > 0) {
    return unknown(
      `${which}: no list could be had: ${fetched.faults.join('; ')}`,
      'Let the pool reach that place (fetch_from for private networks), or add the list: tlspool trust add --crl FILE',
      'certificate_unknown',
    );
  }
  if (lenient) return holds(`${which}: nobody keeps a list`);
  return unknown(
    `${which}: there is no list, and it points to none`,
    "Add its issuer's list: tlspool trust add --crl FILE, or use `r`, which accepts that.",
    'certificate_unknown',
  );
}

const OURS = 'the local CA has not revoked it';

function isOwn({ ownAuthorities }: Tools, issuer: Buffer | undefined): boolean {
  return issuer !== undefined && ownAuthorities.some((own) => own.equals(issuer));
}

/** undefined: there is nothing to judge by. */
async function judge(
  { question, tools }: Exhibit,
  path: Found,
  depth: number,
  { lists }: Consulted,
): Promise<PathVerdict | undefined> {
  if (lists.length === 0) return undefined;
  return tools.verifier.verifyPath({
    chain: path.certificates.slice(depth),
    anchors: path.anchors,
    role: depth === 0 ? question.remoteRole : undefined,
    crls: lists.map(({ handle }) => handle),
    extensions: understoodFor(question, tools),
  });
}

function conclude(verdict: PathVerdict, { lists, sources }: Consulted, which: string): Finding {
  const where = [...new Set(sources)].join(', ');
  if (verdict.ok) {
    const ends = lists.map(({ nextUpdate }) => nextUpdate).filter((end) => end > 0);
    const until = ends.length === 0 ? undefined : Math.min(...ends);
    return holds(`${which}: not on ${where}`, until);
  }
  if (verdict.error === REVOKED) {
    return fails(
      `${which}: ${where} has it as revoked`,
      'certificate_revoked',
      'Nothing brings it back: the other side needs a new certificate.',
    );
  }
  return unknown(
    `${which}: ${where} does not count: ${verdict.message}`,
    'A list must be signed by the issuer, cover the certificate and be valid now; tlspool trust add --crl FILE takes a newer one.',
    'certificate_unknown',
  );
}

function nobodyCould(lenient: boolean): Finding {
  const looked = 'the certificate is self-signed: nobody keeps a list';
  return lenient ? holds(looked) : unknown(looked, undefined, 'certificate_unknown');
}

/** Seconds for which it is accepted that nobody could say anything. */
const ACCEPTED_WITHOUT_ANSWER = 300;

/** `O` `o`: an OCSP responder says that the certificate is good. `o`: or nobody says anything of it. */
export async function isGood(exhibit: Exhibit, lenient: boolean): Promise<Finding> {
  if (signsItself(exhibit.leaf)) {
    return silence(lenient, 'the certificate is self-signed: nobody answers for it');
  }
  const path = await exhibit.path();
  const issuer = path.is === 'found' ? path.certificates[1] : undefined;
  if (issuer === undefined) return unknown('nobody was asked: there is no path to an anchor');
  const { question, tools, leaf } = exhibit;
  if (isOwn(tools, issuer)) return holds(OURS);
  const stapled = question.handshake?.stapled;
  const came = Buffer.isBuffer(stapled)
    ? await tools.responders.stapled(stapled, leaf, issuer)
    : undefined;
  const asked = came?.answer
    ? came
    : await tools.responders.ask(leaf, issuer, question.ignoreCaches === true);
  const { answer } = asked;
  const faults = [...(came?.faults ?? []), ...asked.faults];
  if (answer === undefined) {
    const none = responderLocations(leaf).length === 0 ? 'the certificate names no responder' : '';
    return silence(lenient, [none, ...faults].filter(Boolean).join('; '));
  }
  const { status, revokedAt } = answer.verdict;
  if (status === 'good') {
    return holds(`${answer.source} says it is good`, holdsUntil(answer.verdict));
  }
  if (status === 'revoked') {
    const when = new Date(revokedAt * 1000).toISOString().slice(0, 10);
    return fails(
      `${answer.source} says it was revoked on ${when}`,
      'certificate_revoked',
      'Nothing brings it back: the other side needs a new certificate.',
    );
  }
  return silence(lenient, `${answer.source} says that it does not know the certificate`);
}

function silence(lenient: boolean, looked: string): Finding {
  const until = Math.floor(Date.now() / 1000) + ACCEPTED_WITHOUT_ANSWER;
  if (lenient) return holds(`${looked}: accepted`, until);
  return unknown(
    looked,
    'The other side should staple a response; `o` accepts that there is none.',
    'certificate_unknown',
  );
}
