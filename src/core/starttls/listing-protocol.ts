import { askForTls, untilTls, type Verdict } from './before-tls.ts';
import {
  contact,
  contactAnew,
  type Dialog,
  type Protocol,
  type ServerPolicy,
  type Talk,
} from './dialog.ts';
import { type CapabilityCommand, capabilitiesOf, editList, hideStartTls } from './dot-list.ts';
import { notSpoken, unwelcome } from './refusals.ts';

/** A protocol whose server greets by a line, and tells what it can in a list that a dot ends. */
export interface ListingProtocol {
  /** Also IANA's name of the service. */
  readonly name: string;
  /** How a server greets that is ready. */
  readonly welcome: RegExp;
  readonly listing: CapabilityCommand;
  /** Capabilities that are not shown before TLS where it is required: log-ins by password. */
  readonly passwords: readonly string[];
  /** What a line of the client's means before TLS; `capabilities` is the list to show. */
  readonly judge: (line: string, capabilities: string) => Verdict;
  /** Bytes of the longest command. */
  readonly longest: number;
  readonly tooMany: string;
  /** What the server answers to the command that starts TLS. */
  readonly ready: RegExp;
  /** What a client's program is greeted with, inside TLS. */
  readonly greet: (serverGreeting: string, remoteId: string) => string;
}

export function listingProtocol(parts: ListingProtocol): Protocol {
  const { name } = parts;
  return {
    name,
    service: name,
    serverFirst: true,
    server: (talk, policy) => server(talk, policy, parts),
    client: (talk) => client(talk, parts),
  };
}

function* server(talk: Talk, policy: ServerPolicy, parts: ListingProtocol): Dialog {
  const { peer, program } = talk;
  const { listing, passwords, longest, tooMany } = parts;
  const { startTls } = listing;
  yield* contact(talk);
  const greeting = yield* program.line();
  peer.send(`${greeting}\r\n`);
  if (!parts.welcome.test(greeting)) {
    throw notSpoken('program', parts.name.toUpperCase(), greeting);
  }
  const capabilities = yield* capabilitiesOf(program, listing);
  const hidden = policy.optional ? [startTls] : [...passwords, startTls];
  const shown = editList(capabilities, hidden, [startTls]);
  const judge = (line: string) => parts.judge(line, shown);
  const line = yield* untilTls(talk, policy, { longest, judge, tooMany });
  if (line !== undefined) {
    program.send(`${line}\r\n`);
    return 'through';
  }
  yield* contactAnew(talk, (fresh) => fresh.line());
  return yield* hideStartTls(talk, capabilities, listing);
}

function* client(talk: Talk, { welcome, listing, ready, greet }: ListingProtocol): Dialog {
  const greeting = yield* talk.peer.line();
  if (!welcome.test(greeting)) throw unwelcome(greeting);
  yield* askForTls(talk, listing.startTls, ready);
  talk.program.send(`${greet(greeting, talk.identities.remoteId)}\r\n`);
  return 'leave';
}
