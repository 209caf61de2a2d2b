import { UsageError } from '../../errors.ts';
import {
  agreeServerTerms,
  type GivenTerms,
  parseService,
  type ServerTerms,
} from '../../tunnel/terms.ts';
import { ftpsMeaning, isRegistered, type PortMeaning, portMeaning } from '../port-meaning.ts';

/** What the port flags say, as they were given. */
export interface PortFlags {
  /** PORT[=SERVICE] */
  readonly tls: readonly string[];
  /** PORT=PROTOCOL */
  readonly startTls: readonly string[];
  /** PORT */
  readonly plain: readonly string[];
  /** PORT: clients of its STARTTLS that do not ask for TLS are served in the clear. */
  readonly optional: readonly string[];
}

/** How connections to one port come to the program. */
export type ListenerTerms =
  | { readonly kind: 'plain' }
  | { readonly kind: 'tls'; readonly terms: ServerTerms };

/** What becomes of the listeners of a program, port by port. */
export class ListenerPolicy {
  readonly #given: Omit<GivenTerms, 'client' | 'remoteId'>;
  readonly #meanings = new Map<number, PortMeaning>();
  readonly #optional: ReadonlySet<number>;

  /**
   * @param given what holds for every port
   * @throws UsageError for flags that cannot be meant
   */
  constructor(flags: PortFlags, given: Omit<GivenTerms, 'client' | 'remoteId'>) {
    this.#given = given;
    this.#optional = new Set(flags.optional.map((text) => parsePort(text, 'PORT')));
    for (const text of flags.tls) this.#name(...parseTls(text));
    for (const text of flags.startTls) this.#name(...parseStartTls(text));
    for (const text of flags.plain) this.#name(parsePort(text, 'PORT'), { kind: 'plain' });
    for (const port of this.#optional) requireStartTls(port, this.meaning(port));
    // What cannot be done is said now, not when the program listens.
    for (const port of this.named) this.terms(port);
    agreeServerTerms(given);
  }

  /** The ports that flags are about, in their order. */
  get named(): number[] {
    return [...new Set([...this.#meanings.keys(), ...this.#optional])];
  }

  /** What holds for every port with TLS. */
  get sharedTerms(): ServerTerms {
    return agreeServerTerms(this.#given);
  }

  /** Whether a flag, or IANA's registry, says what the port is for. */
  speaksOf(port: number): boolean {
    return this.#meanings.has(port) || this.#optional.has(port) || isRegistered(port);
  }

  meaning(port: number): PortMeaning {
    return this.#meanings.get(port) ?? portMeaning(port);
  }

  /** @throws UsageError if what the port means cannot be done */
  terms(port: number): ListenerTerms {
    const meaning = this.meaning(port);
    if (meaning.kind === 'plain') return meaning;
    const service = this.#given.service ?? meaning.service;
    const given = { ...this.#given, service };
    if (meaning.kind === 'tls') return { kind: 'tls', terms: agreeServerTerms(given) };
    const startTls = { startTls: meaning.protocol, tlsOptional: this.#optional.has(port) };
    return { kind: 'tls', terms: agreeServerTerms({ ...given, ...startTls }) };
  }

  #name(port: number, meaning: PortMeaning): void {
    if (this.#meanings.has(port)) {
      throw new UsageError(`port ${port} is named twice by --tls, --starttls and --plain`);
    }
    this.#meanings.set(port, meaning);
  }
}

/** In words, for messages. */
export function describeMeaning(meaning: PortMeaning): string {
  if (meaning.kind === 'plain') return 'plain';
  // A dialog, but none before TLS.
  if (meaning.kind === 'starttls' && meaning.protocol === 'ftps') return 'TLS (ftps)';
  const as = meaning.service === undefined ? '' : ` (${meaning.service})`;
  return meaning.kind === 'tls' ? `TLS${as}` : `STARTTLS ${meaning.protocol}`;
}

function parseTls(text: string): [number, PortMeaning] {
  const [port = '', service] = cut(text);
  const checked = service === undefined ? undefined : parseService(service);
  const number = parsePort(port, 'PORT or PORT=SERVICE');
  if (service === 'ftps' || (service === undefined && number === 990)) return [number, ftpsMeaning];
  return [number, { kind: 'tls', service: checked ?? tlsService(number) }];
}

/** Of a port whose registered meaning is TLS too. */
function tlsService(port: number): string | undefined {
  const meaning = portMeaning(port);
  return meaning.kind === 'tls' ? meaning.service : undefined;
}

function parseStartTls(text: string): [number, PortMeaning] {
  const [port, protocol] = cut(text);
  if (protocol === undefined || protocol === '') {
    throw new UsageError(`expected PORT=PROTOCOL, got \`${text}\``);
  }
  return [parsePort(port, 'PORT=PROTOCOL'), { kind: 'starttls', protocol }];
}

function cut(text: string): [string, string | undefined] {
  const border = text.indexOf('=');
  return border < 0 ? [text, undefined] : [text.slice(0, border), text.slice(border + 1)];
}

function parsePort(text: string, expected: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw new UsageError(`expected ${expected}, a port from 1 to 65535, got \`${text}\``);
  }
  return port;
}

function requireStartTls(port: number, meaning: PortMeaning): void {
  if (meaning.kind === 'starttls') return;
  throw new UsageError(
    `--unsafe-tls-optional ${port}: TLS is optional only where a client asks for it`,
    `Say what is spoken there: --starttls ${port}=PROTOCOL`,
  );
}
