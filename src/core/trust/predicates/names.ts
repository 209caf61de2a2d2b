import { formatDonai } from '../../identity/donai.ts';
import type { Exhibit } from '../exhibit.ts';
import { type Finding, fails, holds } from '../finding.ts';
import { describeNames } from '../subject-names.ts';

/** `I` `i`: who is asked for is named. */
export function isNamed({ names, remoteId, match, question }: Exhibit, lenient: boolean): Finding {
  const found = describeNames(names);
  if (remoteId === undefined) {
    const { expected } = question;
    if (expected !== undefined) {
      return fails(
        `the certificate is for ${found}, not for ${formatDonai(expected)}`,
        'bad_certificate',
      );
    }
    return fails(`the certificate names ${found}`, 'bad_certificate', namelessAdvice);
  }
  const wanted = formatDonai(remoteId);
  if (match === 'exact') return holds(`the certificate names ${wanted}`);
  if (match === 'domain') {
    // The program asked for that; the expression must not forbid it.
    if (lenient || question.domainRepresentsUser === true) {
      return holds(`the certificate names ${remoteId.domain}, which stands for its users`);
    }
  }
  return fails(
    `the certificate is for ${found}, not for ${wanted}`,
    'bad_certificate',
    `Ask for a name that the certificate has, or have ${wanted} added to its SubjectAltName.`,
  );
}

/** For certificates without any. */
export const namelessAdvice =
  'It needs a SubjectAltName with a domain (dNSName) or a user (rfc822Name); common names prove nothing.';

/** `U`: who stands for a user has a user part. */
export function hasUserPart({ remoteId, match, question }: Exhibit): Finding {
  const user = question.expected?.user !== undefined || question.remoteRole === 'client';
  if (remoteId === undefined) return fails('the certificate names nobody', 'bad_certificate');
  if (!user) return holds(`${formatDonai(remoteId)} need not be a user`);
  if (remoteId.user !== undefined && match === 'exact') {
    return holds(`${formatDonai(remoteId)} is a user`);
  }
  return fails(`the certificate names no user, but ${remoteId.domain}`, 'bad_certificate');
}
