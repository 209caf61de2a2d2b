import { SEARCH_TIME, withDirectory } from '../../directory/directory-connection.ts';
import { printable } from '../../identity/domain-name.ts';
import { formatDonai } from '../../identity/donai.ts';
import type { Exhibit } from '../exhibit.ts';
import { type Finding, fails, holds, unknown } from '../finding.ts';
import type { Directory } from '../validation-settings.ts';

/** RFC 4523 section 4.1: certificates are transferred in their binary form. */
const ATTRIBUTE = 'userCertificate;binary';
/** Seconds for which the directory's word is kept. */
const KEPT = 300;
/** ms for all of the directory's answer. */
const LONGEST = 10_000;

/** `G` `g`: the directory has this very certificate for the user. `g`: or it is certain to have none. */
export async function isPublished(
  { tools, remoteId, leaf }: Exhibit,
  lenient: boolean,
): Promise<Finding> {
  const { directory } = tools.settings;
  if (directory === undefined) {
    return unknown(
      'no directory is configured',
      'Name one: directory ldaps://… and directory_base in tlspool.conf.',
      'certificate_unknown',
    );
  }
  if (remoteId?.user === undefined) {
    return unknown(
      'the directory has users only, found by their mail',
      undefined,
      'certificate_unknown',
    );
  }
  const mail = formatDonai(remoteId);
  let published: readonly Buffer[];
  try {
    published = await search(directory, mail);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return unknown(
      `${directory.url} gives no answer: ${printable(error.message || error.name)}`,
      undefined,
      'certificate_unknown',
    );
  }
  const until = Math.floor(Date.now() / 1000) + KEPT;
  if (published.some((certificate) => certificate.equals(leaf))) {
    return holds(`${directory.url} has this certificate for ${mail}`, until);
  }
  if (published.length === 0) {
    const looked = `${directory.url} has no certificate for ${mail}`;
    return lenient ? holds(looked, until) : fails(looked, 'certificate_unknown', publishIt);
  }
  const others =
    published.length === 1 ? 'another certificate' : `${published.length} other certificates`;
  return fails(`${directory.url} has ${others} for ${mail}`, 'bad_certificate', publishIt);
}

const publishIt = `Publish the certificate there: attribute ${ATTRIBUTE} of the entry with that mail.`;

async function search(directory: Directory, mail: string): Promise<readonly Buffer[]> {
  const { EqualityFilter } = await import('ldapts');
  const access = { ...directory, startTls: false, bindDn: undefined, passwordFile: undefined };
  return await withDirectory(access, AbortSignal.timeout(LONGEST), async (client) => {
    const { searchEntries } = await client.search(directory.base, {
      scope: 'sub',
      filter: new EqualityFilter({ attribute: 'mail', value: mail }),
      attributes: [ATTRIBUTE],
      explicitBufferAttributes: [ATTRIBUTE],
      sizeLimit: 20,
      timeLimit: SEARCH_TIME,
    });
    return searchEntries.flatMap((entry) => {
      const value = entry[ATTRIBUTE] ?? [];
      return (Array.isArray(value) ? value : [value]).filter((each) => Buffer.isBuffer(each));
    });
  });
}
