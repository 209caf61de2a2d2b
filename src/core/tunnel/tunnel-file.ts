import { z } from 'zod';
import { TlspoolError } from '../errors.ts';
import { parseEndpoint, parseListenAddress } from './endpoint.ts';
import type { TunnelPlan } from './plan.ts';
import { agreeTerms, parseAlpn, parseService } from './terms.ts';

/**
 * Reads a file of tunnels, in the form of tlspool.conf: `word SPACE rest-of-line`, `#` comments. `tunnel
 * NAME` begins a tunnel, the words after it describe it. Every mistake is named with its line.
 */
export function parseTunnelFile(text: string, file: string): TunnelPlan[] {
  const sections = readSections(text, file);
  if (sections.length === 0) {
    throw new TlspoolError('no-tunnels', `${file} describes no tunnel`, {
      hint: 'Begin one with a line `tunnel NAME`, then `accept ADDR:PORT` and `connect ADDR:PORT`.',
      exit: 2,
    });
  }
  return sections.map((section) => planOf(section, file));
}

interface Section {
  readonly name: string;
  readonly line: number;
  readonly entries: Map<string, { readonly values: string[]; readonly line: number }>;
}

const yes = z.enum(['yes', 'no']).transform((word) => word === 'yes');
const once = z
  .array(z.string())
  .max(1, 'is given more than once')
  .transform((values) => values[0] ?? '');

const description = z.strictObject({
  accept: once,
  connect: once,
  client: once.pipe(yes).optional(),
  local_id: z.array(z.string()).optional(),
  remote_id: once.optional(),
  request_remote_id: once.pipe(yes).optional(),
  require_remote_id: once.pipe(yes).optional(),
  service: once.optional(),
  alpn: once.optional(),
});

function readSections(text: string, file: string): Section[] {
  const sections: Section[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, word = '', rest = ''] = /^(\S+)(?:\s+(.*))?$/.exec(line) ?? [];
    if (rest === '') throw mistake(file, index + 1, `\`${word}\` has no value`);
    if (word === 'tunnel') {
      beginSection(sections, rest, index + 1, file);
      continue;
    }
    const section = sections.at(-1);
    if (!section) throw mistake(file, index + 1, `\`${word}\` comes before any \`tunnel NAME\``);
    const entry = section.entries.get(word) ?? { values: [], line: index + 1 };
    entry.values.push(rest);
    section.entries.set(word, entry);
  }
  return sections;
}

function beginSection(sections: Section[], name: string, line: number, file: string): void {
  const earlier = sections.find((section) => section.name === name);
  if (earlier)
    throw mistake(file, line, `tunnel ${name} is described in line ${earlier.line} already`);
  sections.push({ name, line, entries: new Map() });
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
    return {
      name: section.name,
      accept: parseListenAddress(given.accept),
      connect,
      terms: agreeTerms(
        {
          client: given.client ?? false,
          localIds: given.local_id ?? [],
          remoteId: given.remote_id,
          requestRemoteId: given.request_remote_id ?? false,
          requireRemoteId: given.require_remote_id ?? false,
          service: given.service === undefined ? undefined : parseService(given.service),
          alpn: given.alpn === undefined ? [] : parseAlpn(given.alpn),
        },
        connect,
      ),
    };
  } catch (cause) {
    if (!(cause instanceof TlspoolError)) throw cause;
    throw mistake(file, section.line, `tunnel ${section.name}: ${cause.message}`, cause.hint);
  }
}

function schemaMistake(section: Section, error: z.ZodError, file: string): TlspoolError {
  const issue = error.issues[0];
  const word = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0];
  const entry = section.entries.get(String(word));
  if (!entry)
    return mistake(file, section.line, `tunnel ${section.name} has no \`${String(word)}\``);
  if (issue?.code === 'unrecognized_keys') {
    const known = Object.keys(description.shape).join(', ');
    return mistake(file, entry.line, `unknown word \`${String(word)}\``, `Known words: ${known}.`);
  }
  const problem = issue?.code === 'invalid_value' ? 'must be yes or no' : issue?.message;
  return mistake(file, entry.line, `\`${String(word)}\` ${problem}`);
}

function mistake(file: string, line: number, what: string, hint?: string): TlspoolError {
  return new TlspoolError('bad-tunnel-file', `${file}, line ${line}: ${what}`, { hint, exit: 2 });
}
