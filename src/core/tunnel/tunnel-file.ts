import { z } from 'zod';
import { ConfigError, type Setting } from '../config/conf-file.ts';
import { TlspoolError } from '../errors.ts';
import { agreeUdp } from './agree-udp.ts';
import { parseEndpoint, parseListenAddress } from './endpoint.ts';
import type { TunnelPlan } from './plan.ts';
import { agreeTerms, type GivenTerms, parseAlpn, parseService } from './terms.ts';

/**
 * The tunnels that a file describes, in the form of tlspool.conf: `tunnel NAME` begins one, the words after
 * it describe it. @throws ConfigError that names the first mistake with its line
 */
export function readTunnelFile(settings: readonly Setting[], file: string): TunnelPlan[] {
  const sections = divide(settings, file);
  if (sections.length === 0) {
    throw new ConfigError(
      `${file} describes no tunnel`,
      'Begin one with a line `tunnel NAME`, then `accept ADDR:PORT` and `connect ADDR:PORT`.',
    );
  }
  return sections.map((section) => planOf(section, file));
}

interface Section {
  readonly name: string;
  readonly line: number;
  readonly entries: Map<string, { readonly values: string[]; readonly line: number }>;
}

const once = z
  .array(z.string())
  .max(1, 'is given more than once')
  .transform((values) => values[0] ?? '');
const yes = once.pipe(z.enum(['yes', 'no'])).transform((word) => word === 'yes');

const description = z.strictObject({
  accept: once,
  connect: once,
  client: yes.optional(),
  udp: yes.optional(),
  local_id: z.array(z.string()).optional(),
  remote_id: once.optional(),
  request_remote_id: yes.optional(),
  require_remote_id: yes.optional(),
  service: once.optional(),
  alpn: once.optional(),
  starttls: once.optional(),
  unsafe_tls_optional: yes.optional(),
  proxy_header: once.pipe(z.enum(['v1', 'v2'])).optional(),
  proxy_from: z.array(z.string()).optional(),
});

function divide(settings: readonly Setting[], file: string): Section[] {
  const sections: Section[] = [];
  for (const { key, value, line } of settings) {
    if (value === '') throw mistake(file, line, `\`${key}\` has no value`);
    if (key === 'tunnel') {
      const earlier = sections.find(({ name }) => name === value);
      if (earlier) {
        throw mistake(file, line, `tunnel ${value} is described in line ${earlier.line} already`);
      }
      sections.push({ name: value, line, entries: new Map() });
      continue;
    }
    const section = sections.at(-1);
    if (!section) throw mistake(file, line, `\`${key}\` comes before any \`tunnel NAME\``);
    const entry = section.entries.get(key) ?? { values: [], line };
    entry.values.push(value);
    section.entries.set(key, entry);
  }
  return sections;
}

function planOf(section: Section, file: string): TunnelPlan {
  const words = Object.fromEntries(
    [...section.entries].map(([word, { values }]) => [word, values]),
  );
  const parsed = description.safeParse(words);
  if (!parsed.success) throw schemaMistake(section, parsed.error, file);
  try {
    const given = parsed.data;
    const connect = parseEndpoint(given.connect);
    const terms = termsGiven(given);
    return {
      name: section.name,
      accept: parseListenAddress(given.accept),
      connect,
      terms: agreeTerms(terms, connect),
      udp: agreeUdp(given.udp ?? false, terms, connect),
    };
  } catch (cause) {
    if (!(cause instanceof TlspoolError)) throw cause;
    throw mistake(file, section.line, `tunnel ${section.name}: ${cause.message}`, cause.hint);
  }
}

function termsGiven(given: z.infer<typeof description>): GivenTerms {
  return {
    client: given.client ?? false,
    localIds: given.local_id ?? [],
    remoteId: given.remote_id,
    requestRemoteId: given.request_remote_id ?? false,
    requireRemoteId: given.require_remote_id ?? false,
    service: given.service === undefined ? undefined : parseService(given.service),
    alpn: given.alpn === undefined ? [] : parseAlpn(given.alpn),
    startTls: given.starttls,
    tlsOptional: given.unsafe_tls_optional ?? false,
    proxyHeader: given.proxy_header,
    proxies: given.proxy_from,
  };
}

function schemaMistake(section: Section, error: z.ZodError, file: string): ConfigError {
  // A misspelt word is the likely reason why another one is missing.
  const misspelt = error.issues.find(({ code }) => code === 'unrecognized_keys');
  const issue = misspelt ?? error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys';
  const word = String(unknown ? issue.keys[0] : issue?.path[0]);
  const entry = section.entries.get(word);
  if (!entry) return mistake(file, section.line, `tunnel ${section.name} has no \`${word}\``);
  if (unknown) {
    const known = Object.keys(description.shape).join(', ');
    return mistake(file, entry.line, `unknown word \`${word}\``, `Known words: ${known}.`);
  }
  const problem =
    issue?.code === 'invalid_value' ? `must be ${issue.values.join(' or ')}` : issue?.message;
  return mistake(file, entry.line, `\`${word}\` ${problem}`);
}

function mistake(file: string, line: number, what: string, hint?: string): ConfigError {
  return new ConfigError(`${file}, line ${line}: ${what}`, hint);
}
