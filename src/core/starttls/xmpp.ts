import { randomUUID } from 'node:crypto';
import {
  contact,
  type Dialog,
  type Protocol,
  requireNothingBehind,
  secure,
  type Talk,
} from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import { notOffered, notSpoken } from './refusals.ts';
import type { Talking } from './step.ts';
import { escapeXml, localName, type XmlTag, xmlTag } from './xml-tag.ts';

/*
 * XMPP (RFC 6120), from clients (`xmpp`) and between servers (`xmpp-server`).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 6120 §5.4.1: the initiator opens a stream, the receiver answers with one and its features | the first stream is answered by us |
 * | §5.4.1, §5.3.1: TLS is mandatory to negotiate, and then the only feature | `<starttls><required/></starttls>` alone |
 * | §5.4.2.3: proceed, then TLS | so |
 * | §5.3.3, §5.4.2.1: nothing follows starttls, or proceed, before TLS | it ends the connection (injection) |
 * | §5.4.3.3: a new stream begins inside TLS, and what was known is discarded | it is the first that the program sees |
 * | §4.9.3.14: policy-violation for whoever goes on without | so, with the end of the stream |
 * | §11.1: no comments, DTDs or processing instructions | they end the connection |
 * | §5.4.2.2, §13.9.4: features without starttls are not gone on with (stripping) | our client ends the connection |
 */
export const xmpp: Protocol = protocol('xmpp', 'xmpp-client', 'jabber:client');
export const xmppServer: Protocol = protocol('xmpp-server', 'xmpp-server', 'jabber:server');

const streams = 'http://etherx.jabber.org/streams';
const tls = 'urn:ietf:params:xml:ns:xmpp-tls';
const streamErrors = 'urn:ietf:params:xml:ns:xmpp-streams';
const mostTags = 64;

function protocol(name: string, service: string, content: string): Protocol {
  return {
    name,
    service,
    serverFirst: false,
    server: (talk) => server(talk, content),
    client: (talk) => client(talk, content),
    neverOptional: 'the first stream is answered before it is known whether TLS is wanted',
  };
}

function* server(talk: Talk, content: string): Dialog {
  const { peer } = talk;
  const opened = yield* streamHeader(peer);
  const from = opened.attributes.get('to') ?? talk.identities.localId;
  peer.send(
    `${header({ content, from, id: randomUUID() })}<stream:features><starttls xmlns='${tls}'><required/></starttls></stream:features>`,
  );
  const asked = yield* xmlTag(peer);
  if (localName(asked) !== 'starttls' || asked.kind === 'close') {
    peer.send(
      `<stream:error><policy-violation xmlns='${streamErrors}'/></stream:error></stream:stream>`,
    );
    throw new DialogEnd('starttls-refused', 'the peer never asked for TLS');
  }
  // <starttls></starttls> is the same as <starttls/>.
  if (asked.kind === 'open') yield* closing(peer, asked.name);
  requireNothingBehind(peer);
  peer.send(`<proceed xmlns='${tls}'/>`);
  yield* secure(talk);
  yield* contact(talk);
  return 'leave';
}

function* client(talk: Talk, content: string): Dialog {
  const { peer, identities } = talk;
  const to = identities.remoteId.replace(/^.*@/, '');
  peer.send(header({ content, to }));
  yield* streamHeader(peer);
  if (!(yield* featuresOffer(peer))) throw notOffered();
  requireNothingBehind(peer);
  peer.send(`<starttls xmlns='${tls}'/>`);
  const answer = yield* xmlTag(peer);
  if (localName(answer) !== 'proceed' || answer.kind === 'close') throw notOffered();
  if (answer.kind === 'open') yield* closing(peer, answer.name);
  yield* secure(talk);
  yield* contact(talk);
  return 'leave';
}

function header(words: { content: string; from?: string; to?: string; id?: string }): string {
  const { content, ...others } = words;
  const attributes = Object.entries(others).map(([key, value]) => ` ${key}='${escapeXml(value)}'`);
  return `<?xml version='1.0'?><stream:stream xmlns='${content}' xmlns:stream='${streams}'${attributes.join('')} version='1.0'>`;
}

function* streamHeader(party: Party): Talking<XmlTag> {
  const tag = yield* xmlTag(party);
  if (localName(tag) === 'stream' && tag.kind === 'open') return tag;
  throw notSpoken(party.side, 'XMPP', tag.name);
}

/** Reads all features. */
function* featuresOffer(peer: Party): Talking<boolean> {
  let offered = false;
  for (let count = 0; count < mostTags; count++) {
    const tag = yield* xmlTag(peer);
    const name = localName(tag);
    if (name === 'starttls' && tag.attributes.get('xmlns') === tls) offered = true;
    if (name === 'features' && tag.kind !== 'open') return offered;
    if (name === 'error') break;
  }
  return false;
}

function* closing(party: Party, name: string): Talking<void> {
  const tag = yield* xmlTag(party);
  if (tag.kind !== 'close' || tag.name !== name) throw notSpoken(party.side, 'XMPP', tag.name);
}
