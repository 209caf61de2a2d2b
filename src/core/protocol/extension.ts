import { type Entry, readList, writeLists } from './entry-lists.ts';
import { MalformedMessage } from './fields.ts';
import { helloPieces, wholeHello } from './hello-pieces.ts';
import type { Extension } from './message.ts';

/**
 * Our addition to STARTTLS (docs/protocol-extension.md): options in front of the request and details of the session in
 * front of what the pool sends next. Neither takes a round trip.
 *
 * Both are lists of entries, a byte of kind and a byte of length before each value, a kind of 0 ending the list.
 * A list that does not fit in one message goes on in the next one.
 */
export interface StartTlsOptions {
  /** Servers: the identities meant for this listener, DoNAIs or selectors, in order of preference. */
  readonly localIds: readonly string[];
  /** Protocols in order of preference (RFC 7301). */
  readonly alpn: readonly string[];
  /** Whom the program talks to, where the descriptor does not tell: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
  readonly clientAddress: string | undefined;
  /** For which process it is asked, if not for the one that asks. */
  readonly process: ClaimedProcess | undefined;
  /** It is resumed only from sessions that were asked for with the same; not empty. */
  readonly resumptionScope: string | undefined;
  /** Servers of DTLS: a datagram, read from the socket already, whose ClientHello has shown the program's cookie. */
  readonly hello: Buffer | undefined;
}

/** A process for which another one asks: `pid`, and its start as in field 22 of `/proc/PID/stat`. */
export interface ClaimedProcess {
  readonly pid: number;
  readonly started: number;
}

/** May this process act as these local identities? Asked before there is a connection. */
export interface ProgramQuestion {
  readonly process: ClaimedProcess;
  readonly role: 'client' | 'server';
  readonly localIds: readonly string[];
}

/** May a client that stays in the clear, and so is nobody, use these local identities? */
export interface ClearTextQuestion {
  /** As in `StartTlsOptions`; the first that is no selector counts. */
  readonly localIds: readonly string[];
  /** IANA name; '': not said. */
  readonly service: string;
  /** The client's; '': not known. */
  readonly clientAddress: string;
  /** For which process it is asked, if not for the one that asks. */
  readonly process: ClaimedProcess | undefined;
}

export interface SessionDetails {
  readonly version: string;
  /** IANA's name of the cipher suite: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** Key exchange: `X25519MLKEM768`; empty if the session was resumed without one. */
  readonly group: string;
  /** Protocol chosen; empty: none. */
  readonly alpn: string;
  /** SNI, sent or received; empty: none. */
  readonly serverName: string;
  readonly resumed: boolean;
  /** Common name of the certificate that the remote proved itself by, if it was shown now; '' for none. It proves nothing. */
  readonly commonName: string;
  /** What let a remote in: `allowed-by-rule members`, `open`; empty where we are the client. */
  readonly decision: string;
  /** Groups that the remote is in. */
  readonly groups: readonly string[];
}

export const noOptions: StartTlsOptions = {
  localIds: [],
  alpn: [],
  clientAddress: undefined,
  process: undefined,
  resumptionScope: undefined,
  hello: undefined,
};

/** Messages of one list, at most: more are a mistake, or malice. */
export const MOST_OPTION_MESSAGES = 64;

const optionKinds = {
  localId: 1,
  alpn: 2,
  clientAddress: 3,
  process: 4,
  resumptionScope: 5,
  hello: 6,
} as const;
const programKinds = { process: 1, role: 2, localId: 3 } as const;
const clearTextKinds = { localId: 1, service: 2, clientAddress: 3, process: 4 } as const;
const detailKinds = {
  version: 1,
  cipher: 2,
  group: 3,
  alpn: 4,
  serverName: 5,
  resumed: 6,
  decision: 7,
  remoteGroup: 8,
  commonName: 9,
} as const;

/** At least one message: without any, the pool sends no details. */
export function writeOptions(options: StartTlsOptions): Extension[] {
  const entries: Entry[] = [
    ...options.localIds.map((id): Entry => [optionKinds.localId, id]),
    ...options.alpn.map((protocol): Entry => [optionKinds.alpn, protocol]),
  ];
  if (options.clientAddress !== undefined) {
    entries.push([optionKinds.clientAddress, options.clientAddress]);
  }
  if (options.process !== undefined) {
    entries.push([optionKinds.process, processText(options.process)]);
  }
  if (options.resumptionScope !== undefined) {
    entries.push([optionKinds.resumptionScope, options.resumptionScope]);
  }
  if (options.hello !== undefined) {
    entries.push(...helloPieces(options.hello).map((piece): Entry => [optionKinds.hello, piece]));
  }
  return writeLists(entries).map((data) => ({ command: 'starttlsOptions', data }));
}

/** @throws MalformedMessage also for an option that we do not know: it may be one that restricts. */
export function readOptions(messages: readonly Buffer[]): StartTlsOptions {
  const localIds: string[] = [];
  const alpn: string[] = [];
  let clientAddress: string | undefined;
  let process: ClaimedProcess | undefined;
  let resumptionScope: string | undefined;
  const hello: string[] = [];
  for (const data of messages) {
    readList(data, (kind, value) => {
      if (kind === optionKinds.localId) localIds.push(value);
      else if (kind === optionKinds.alpn) alpn.push(value);
      else if (kind === optionKinds.clientAddress) clientAddress = value;
      else if (kind === optionKinds.process) process = parseProcess(value);
      else if (kind === optionKinds.resumptionScope) resumptionScope = parseScope(value);
      else if (kind === optionKinds.hello) hello.push(value);
      else throw new MalformedMessage(`option ${kind} of STARTTLS is not known`);
    });
  }
  return { localIds, alpn, clientAddress, process, resumptionScope, hello: wholeHello(hello) };
}

/** @throws MalformedMessage if there are more local identities than fit */
export function writeProgramQuestion({ process, role, localIds }: ProgramQuestion): Extension {
  const [data, ...others] = writeLists([
    [programKinds.process, processText(process)],
    [programKinds.role, role],
    ...localIds.map((id): Entry => [programKinds.localId, id]),
  ]);
  if (data === undefined || others.length > 0) {
    throw new MalformedMessage('a program is asked about with fewer local identities');
  }
  return { command: 'program', data };
}

/** @throws MalformedMessage */
export function readProgramQuestion({ data }: Extension): ProgramQuestion {
  let process: ClaimedProcess | undefined;
  let role: ProgramQuestion['role'] = 'server';
  const localIds: string[] = [];
  readList(data, (kind, value) => {
    if (kind === programKinds.process) process = parseProcess(value);
    else if (kind === programKinds.localId) localIds.push(value);
    else if (kind === programKinds.role && (value === 'client' || value === 'server')) role = value;
    else throw new MalformedMessage(`entry ${kind} of a question about a program is not known`);
  });
  if (process === undefined) throw new MalformedMessage('the process is missing');
  return { process, role, localIds };
}

/** @throws MalformedMessage if there are more local identities than fit */
export function writeClearTextQuestion(question: ClearTextQuestion): Extension {
  const { localIds, service, clientAddress, process } = question;
  const [data, ...others] = writeLists([
    ...localIds.map((id): Entry => [clearTextKinds.localId, id]),
    [clearTextKinds.service, service],
    [clearTextKinds.clientAddress, clientAddress],
    ...(process ? [[clearTextKinds.process, processText(process)] satisfies Entry] : []),
  ]);
  if (data === undefined || others.length > 0) {
    throw new MalformedMessage('clear text is asked about with fewer local identities');
  }
  return { command: 'clearText', data };
}

/** @throws MalformedMessage */
export function readClearTextQuestion({ data }: Extension): ClearTextQuestion {
  const localIds: string[] = [];
  let service = '';
  let clientAddress = '';
  let process: ClaimedProcess | undefined;
  readList(data, (kind, value) => {
    if (kind === clearTextKinds.localId) localIds.push(value);
    else if (kind === clearTextKinds.service) service = value;
    else if (kind === clearTextKinds.clientAddress) clientAddress = value;
    else if (kind === clearTextKinds.process) process = parseProcess(value);
    else throw new MalformedMessage(`entry ${kind} of a question about clear text is not known`);
  });
  return { localIds, service, clientAddress, process };
}

export function writeDetails(details: SessionDetails): Extension[] {
  const entries: Entry[] = [];
  for (const name of textDetails) {
    if (details[name] !== '') entries.push([detailKinds[name], details[name]]);
  }
  if (details.resumed) entries.push([detailKinds.resumed, '']);
  for (const group of details.groups) entries.push([detailKinds.remoteGroup, group]);
  return writeLists(entries).map((data) => ({ command: 'starttlsDetails', data }));
}

/** Details that we do not know are left out: a later version may tell more. */
export function readDetails(messages: readonly Buffer[]): SessionDetails {
  const groups: string[] = [];
  const details = {
    version: '',
    cipher: '',
    group: '',
    alpn: '',
    serverName: '',
    resumed: false,
    commonName: '',
    decision: '',
    groups,
  };
  for (const data of messages) {
    readList(data, (kind, value) => {
      const name = textDetailOf.get(kind);
      if (name !== undefined) details[name] = value;
      else if (kind === detailKinds.remoteGroup) groups.push(value);
      else if (kind === detailKinds.resumed) details.resumed = true;
    });
  }
  return details;
}

const textDetails = [
  'version',
  'cipher',
  'group',
  'alpn',
  'serverName',
  'decision',
  'commonName',
] as const;

type TextDetail = (typeof textDetails)[number];

/** By their kinds. */
const textDetailOf: ReadonlyMap<number, TextDetail> = new Map(
  textDetails.map((name) => [detailKinds[name], name]),
);

function processText({ pid, started }: ClaimedProcess): string {
  return `${pid} ${started}`;
}

function parseProcess(text: string): ClaimedProcess {
  const [, pid, started] = /^([1-9]\d{0,9}) (\d{1,15})$/.exec(text) ?? [];
  if (pid !== undefined) return { pid: Number(pid), started: Number(started) };
  throw new MalformedMessage('a process is told by its id and its start');
}

function parseScope(text: string): string {
  if (text !== '') return text;
  throw new MalformedMessage('a scope of resumption is not empty');
}
