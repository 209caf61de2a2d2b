import { dottedOid, listExtensions } from '../certificate.ts';
import type { Exhibit } from '../exhibit.ts';
import { type Finding, fails, holds, unknown } from '../finding.ts';

/** `E` `e`: the certificate has the extensions that are configured for the service. `e`: critical or not. */
export function hasExtensions({ question, tools, leaf }: Exhibit, lenient: boolean): Finding {
  const service = question.service ?? '';
  const required = tools.settings.extensions.get(service);
  if (required === undefined) {
    return unknown(
      `no extensions are configured for the service ${service || 'without a name'}`,
      'Say which: required_extensions in tlspool.conf.',
    );
  }
  const found = new Map(
    listExtensions(leaf).map(({ oid, critical }) => [dottedOid(Buffer.from(oid, 'hex')), critical]),
  );
  for (const { oid, critical } of required) {
    const is = found.get(oid);
    if (is === undefined) {
      return fails(`the certificate has no extension ${oid}`, 'unsupported_certificate');
    }
    if (critical && !is && !lenient) {
      return fails(`the extension ${oid} is not critical`, 'unsupported_certificate');
    }
  }
  return holds(`the certificate has ${required.map(({ oid }) => oid).join(', ')}`);
}
