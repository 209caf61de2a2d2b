import { DialogEnd } from './dialog-end.ts';
import type { Party } from './party.ts';
import type { Talking } from './step.ts';

/** A tag of an XML stream: `<starttls xmlns="…"/>`. */
export interface XmlTag {
  /** With its prefix. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly kind: 'open' | 'close' | 'empty';
}

/** Bytes of the longest tag. */
const longestTag = 4096;

/**
 * The next tag. What is between tags may be whitespace, an XML declaration, or text, which is skipped; comments,
 * processing instructions, declarations and references end the dialog (RFC 6120 section 11.1).
 */
export function* xmlTag(party: Party): Talking<XmlTag> {
  for (;;) {
    const before = yield* party.through('<', longestTag);
    if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(before)) throw restricted(party);
    const tag = yield* rest(party);
    if (/^\?xml\s[^?]*\?$/.test(tag)) continue;
    return parse(tag, party);
  }
}

export function localName({ name }: XmlTag): string {
  return name.slice(name.indexOf(':') + 1);
}

/** As an attribute's value, in single quotes. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Up to the `>` that is in no quotes. */
function* rest(party: Party): Talking<string> {
  let tag = '';
  for (;;) {
    tag += yield* party.through('>', longestTag);
    if (tag.length > longestTag) throw restricted(party);
    if (/^(?:[^'"]|'[^']*'|"[^"]*")*$/.test(tag)) return tag.slice(0, -1);
  }
}

function parse(tag: string, party: Party): XmlTag {
  const parts =
    /^(?<slash>\/?)(?<name>[A-Za-z_][\w.:-]*)(?<attributes>(?:\s+[\w.:-]+\s*=\s*(?:'[^'<]*'|"[^"<]*"))*)\s*(?<empty>\/?)$/.exec(
      tag,
    );
  if (!parts?.groups) throw restricted(party);
  const { slash, name = '', attributes = '', empty } = parts.groups;
  const found = attributes.matchAll(/([\w.:-]+)\s*=\s*(?:'([^']*)'|"([^"]*)")/g);
  return {
    name,
    attributes: new Map(Array.from(found, ([, key = '', one, two]) => [key, one ?? two ?? ''])),
    kind: slash === '/' ? 'close' : empty === '/' ? 'empty' : 'open',
  };
}

function restricted({ side }: Party): DialogEnd {
  return new DialogEnd('starttls-no-reply', `the ${side} sent what is no XML of XMPP`);
}
