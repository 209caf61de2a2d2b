/**
 * What others may show to us at their worst, by what is wrong with it: chains, leaf first. A trusted CA signed all of
 * it that a CA could sign.
 */
import { generateKeyPairSync } from 'node:crypto';
import {
  commonName,
  ecdsaSha256,
  extended,
  forge,
  type Parts,
  SERVER_AUTH,
} from './forged-certificates.ts';
import {
  der,
  dns,
  extension,
  ip,
  type Maker,
  mail,
  makeRoot,
  oid,
  sequence,
  smtpUtf8,
  subjectAltName,
  time,
  uri,
} from './made-certificates.ts';

export const NAME = 'www.example.com';
export const USER = 'john@example.com';
/** Whom everything here would like to be. */
export const wanted = [NAME, 'kelvin.example.com', 'example.com', USER];

export const root = makeRoot('Trusted');
export const usual = [
  extended(SERVER_AUTH, '2b06010505070302'),
  subjectAltName([dns(NAME), mail(USER)]),
];
export const good = forge({ extensions: usual }, root);

const signed = (parts: Parts, by = root) => [
  forge({ extensions: usual, ...parts }, by).certificate,
];

/** Sequences within sequences. */
function nested(depth: number): Buffer {
  const heads: Buffer[] = [];
  for (let level = 0, length = 0; level < depth; level += 1) {
    const head = der(0x30, Buffer.alloc(length)).subarray(0, -length || undefined);
    heads.unshift(head);
    length += head.length;
  }
  return Buffer.concat(heads);
}

function rsaKey(modulus: Buffer, exponent: Buffer): Buffer {
  const key = sequence(der(0x02, modulus), der(0x02, exponent));
  const algorithm = sequence(oid('2a864886f70d010101'), Buffer.of(5, 0));
  return sequence(algorithm, der(0x03, Buffer.of(0), key));
}

function ecKey(curve: Buffer, point: Buffer): Buffer {
  return sequence(sequence(oid('2a8648ce3d0201'), curve), der(0x03, Buffer.of(0), point));
}

const p256 = oid('2a8648ce3d030107');
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const p192 = generateKeyPairSync('ec', { namedCurve: 'prime192v1' });

export const encodings: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  'a tag alone': Buffer.of(0x30),
  'a length without content': Buffer.from('3082ffff', 'hex'),
  'four gigabytes, as it says': Buffer.from('3084ffffffff3000', 'hex'),
  'a length of 127 bytes': Buffer.concat([Buffer.from('30ff', 'hex'), Buffer.alloc(200, 0xff)]),
  'an indefinite length': Buffer.concat([Buffer.from('3080', 'hex'), good.certificate.subarray(4)]),
  'a length that is not the shortest': Buffer.concat([
    Buffer.from('308300', 'hex'),
    good.certificate.subarray(2),
  ]),
  'bytes after the end': Buffer.concat([good.certificate, Buffer.of(0)]),
  'two at once': Buffer.concat([good.certificate, good.certificate]),
  'PEM instead of DER': Buffer.from(
    `-----BEGIN CERTIFICATE-----\n${good.certificate.toString('base64')}`,
  ),
  'a depth without end': nested(12_000),
  'a megabyte of nothing': der(0x30, Buffer.alloc(1_000_000)),
  'a certificate request': sequence(
    sequence(der(2, Buffer.of(0))),
    ecdsaSha256,
    der(3, Buffer.of(0)),
  ),
};

const fieldParts: Readonly<Record<string, Parts>> = {
  'no version, with extensions': { version: undefined },
  'version 4': { version: der(0xa0, der(0x02, Buffer.of(3))) },
  'a negative version': { version: der(0xa0, der(0x02, Buffer.of(0xff))) },
  'a serial without digits': { serial: der(0x02) },
  'a serial that is text': { serial: der(0x0c, Buffer.from('one')) },
  'another algorithm outside than inside': { outerAlgorithm: sequence(oid('2a8648ce3d040303')) },
  'an algorithm that nobody knows': { algorithm: sequence(oid('2b0601040182371563')) },
  'SHA-1': { algorithm: sequence(oid('2a8648ce3d0401')), digest: 'sha1' },
  'a signature of nothing': { signature: () => der(0x03, Buffer.of(0)) },
  'a signature without a bit string': { signature: () => Buffer.alloc(0) },
  'a signature of zeros': {
    signature: () => der(0x03, Buffer.of(0), sequence(der(2, Buffer.of(0)), der(2, Buffer.of(0)))),
  },
  'a signature with a bit less': { signature: (made) => der(0x03, Buffer.of(1), made) },
  'a signature that is another': {
    signature: (made) => der(0x03, Buffer.of(0), Buffer.from(made.toReversed())),
  },
  'a signature with more behind': {
    signature: (made) => der(0x03, Buffer.of(0), made, Buffer.alloc(9)),
  },
  'an end before the beginning': { validity: sequence(time(10), time(-10)) },
  'times that are none': { validity: sequence(der(0x18, Buffer.from('now')), der(0x17)) },
  'times without seconds': {
    validity: sequence(
      der(0x17, Buffer.from('2001010000Z')),
      der(0x17, Buffer.from('4901010000Z')),
    ),
  },
  'times of another zone': {
    validity: sequence(der(0x17, Buffer.from('200101000000+0100')), time(10)),
  },
  'no validity': { validity: sequence() },
  'another issuer by name': { issuer: commonName('Nobody') },
  'a subject that is no name': { subject: der(0x0c, Buffer.from(NAME)) },
  'no key': { publicKey: sequence() },
  'a key of a kind that nobody knows': {
    publicKey: sequence(sequence(oid('2b0601040182371563')), der(0x03, Buffer.of(0, 1))),
  },
  'a point that is not on the curve': {
    publicKey: ecKey(p256, Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)])),
  },
  'the point at infinity': { publicKey: ecKey(p256, Buffer.of(0)) },
  'a curve by its parameters': {
    publicKey: ecKey(sequence(der(2, Buffer.of(1)), sequence()), Buffer.alloc(65, 4)),
  },
  'a curve that is too small': { keys: p192 },
  'an RSA key of 1024 bits': { keys: weakRsa },
  'an RSA key of one bit': { publicKey: rsaKey(Buffer.of(1), Buffer.of(1)) },
  'an RSA key of zero': { publicKey: rsaKey(Buffer.of(0), Buffer.of(3)) },
  'an RSA key of 16 kB': {
    publicKey: rsaKey(Buffer.concat([Buffer.of(0), Buffer.alloc(16_384, 0xff)]), Buffer.of(3)),
  },
  'an RSA exponent of 16 kB': {
    publicKey: rsaKey(
      Buffer.concat([Buffer.of(0), Buffer.alloc(16_384, 0xff)]),
      Buffer.concat([Buffer.of(0), Buffer.alloc(16_384, 0xfd)]),
    ),
  },
  'an extension twice': { extensions: [...usual, extended(SERVER_AUTH)] },
  'a critical extension that nobody knows': {
    extensions: [...usual, extension('2b0601040182371563', Buffer.of(5, 0), true)],
  },
  'a boolean that is not DER': {
    extensions: [...usual, sequence(oid('551d13'), der(0x01, Buffer.of(1)), der(0x04, sequence()))],
  },
  'an extension without content': { extensions: [...usual, sequence(oid('551d0f'))] },
  'two lists of extensions': {
    tail: Buffer.concat([der(0xa3, sequence(...usual)), der(0xa3, sequence(...usual))]),
  },
  'a key usage for CAs': {
    extensions: [...usual, extension('551d0f', der(0x03, Buffer.of(1, 0x06)), true)],
  },
  'a usage for code': { extensions: [extended('2b06010505070303'), usual[1] as Buffer] },
  'a usage for nothing': { extensions: [extended(), usual[1] as Buffer] },
  'a proxy certificate': {
    extensions: [
      ...usual,
      extension('2b0601050507010e', sequence(sequence(oid('2b06010505071501'))), true),
    ],
  },
  'a name of another kind for the SubjectAltName': {
    extensions: [extended(SERVER_AUTH), extension('551d11', der(0x0c, Buffer.from(NAME)))],
  },
  'an empty SubjectAltName': {
    subject: commonName(NAME),
    extensions: [extended(SERVER_AUTH), subjectAltName([])],
  },
  'a name among 5000': {
    extensions: [
      extended(SERVER_AUTH),
      subjectAltName([...Array.from({ length: 4999 }, (_, n) => dns(`a${n}.example`)), dns(NAME)]),
    ],
  },
};

/** None of these is one of the names that are wanted (see `wanted`). */
const smuggledNames: Readonly<Record<string, Parts | readonly Buffer[]>> = {
  'a common name': { subject: commonName(NAME), extensions: [extended(SERVER_AUTH)] },
  'a common name beside other names': {
    subject: commonName(NAME),
    extensions: [extended(SERVER_AUTH), subjectAltName([dns('other.example.org')])],
  },
  'an emailAddress in the subject': {
    subject: sequence(der(0x31, sequence(oid('2a864886f70d010901'), der(0x16, Buffer.from(USER))))),
    extensions: [extended(SERVER_AUTH)],
  },
  'a NUL': [dns(`${NAME}\0.example.org`)],
  'a NUL in a mailbox': [mail(`${USER}\0.example.org`)],
  'percent-encoding': [dns('www.%65xample.com'), mail('john%40example.com@example.org')],
  'the Kelvin sign': [dns('\u212aelvin.example.com'), smtpUtf8('john@e\u212aample.com')],
  'a wildcard two labels deep': [dns('*.com'), dns('*.*.com'), dns('*.*.example.com')],
  'a wildcard for its own parent': [dns('*.example.com.example.org'), dns('*.www.example.com')],
  'a star in a label': [dns('w*.example.com'), dns('*w.example.com'), dns('www.*.com')],
  'a mailbox for a domain': [mail('www.example.com@example.org'), mail(`x@sub.${NAME}`)],
  'a domain for a mailbox': [dns('john.example.org'), dns('john\\@example.com')],
  'a mailbox of a longer domain': [mail('john@example.com.example.org')],
  'two at signs': [mail('john@example.com@example.org'), mail('x@john@example.com')],
  'a quoted mailbox': [mail('"john@example.com"@example.org'), mail('"john"@example.com')],
  'a comment': [mail('john(x)@example.com'), mail('<john@example.com>')],
  'an address that spells it': [ip(...Buffer.from(NAME)), ip(119, 119, 119, 46)],
  'a URI': [uri(`https://${NAME}/`), uri(`mailto:${USER}`)],
  'a trailing dot': [dns(`${NAME}.`), dns('example.com.')],
  'a leading dot': [dns(`.${NAME}`), dns('.example.com')],
  'spaces and lines': [dns(` ${NAME}`), dns(`${NAME}\n`), dns(`${NAME}\r\nwww`), dns(`${NAME}\t`)],
  'names in a row': [dns(`${NAME},${NAME}`), dns(`${NAME} ${NAME}`), dns(`x;${NAME}`)],
  'look-alikes': [
    dns('www.ex\u0430mple.com'),
    dns('www\u3002example\u3002com'),
    dns('www.example\uff0ecom'),
  ],
  'a domain in Unicode within ASCII': [dns('www.xn--example-.com'), dns('xn--www.example.com')],
  'escapes of a terminal': [dns(`\u001b[2J${NAME}`), dns('\u202emoc.elpmaxe.www')],
};

/** A field is not what it should be. */
export const fields: Readonly<Record<string, readonly Buffer[]>> = Object.fromEntries(
  Object.entries(fieldParts).map(([what, parts]) => [what, signed(parts)]),
);

/** Names that are none of those `wanted`, but look like it. */
export const smuggled: Readonly<Record<string, readonly Buffer[]>> = Object.fromEntries(
  Object.entries(smuggledNames).map(([what, parts]) => {
    const names = Array.isArray(parts) ? subjectAltName(parts as readonly Buffer[]) : undefined;
    const usages = extended(SERVER_AUTH, '2b06010505070302');
    return [what, signed(names === undefined ? (parts as Parts) : { extensions: [usages, names] })];
  }),
);

const CA_BASICS = extension('551d13', sequence(der(0x01, Buffer.of(0xff))), true);
const SIGNS = extension('551d0f', der(0x03, Buffer.of(1, 0x06)), true);

/** A CA below `by`, of its own name. */
function authority(name: string, parts: Parts = {}, by: Maker = root): Maker {
  return forge({ subject: commonName(name), extensions: [CA_BASICS, SIGNS], ...parts }, by);
}

/** NameConstraints (RFC 5280 section 4.2.1.10). */
function constraints(permitted: readonly Buffer[], excluded: readonly Buffer[] = []): Buffer {
  const subtrees = (tag: number, bases: readonly Buffer[]) =>
    bases.length === 0 ? [] : [der(tag, ...bases.map((base) => sequence(base)))];
  return extension(
    '551d1e',
    sequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded)),
    true,
  );
}

/** A leaf with the names below a CA with the constraints. */
function constrained(constraint: Buffer, ...names: readonly Buffer[]): Buffer[] {
  const ca = authority('Constrained', { extensions: [CA_BASICS, SIGNS, constraint] });
  const extensions = [extended(SERVER_AUTH, '2b06010505070302'), subjectAltName(names)];
  return [forge({ extensions }, ca), ca].map(({ certificate }) => certificate);
}

const elsewhere = constraints([dns('example.org'), mail('example.org')]);
export const constraintTricks: Record<string, readonly Buffer[]> = {
  'names outside of what is permitted': constrained(elsewhere, dns(NAME), mail(USER)),
  'capitals outside of what is permitted': constrained(elsewhere, dns('WWW.EXAMPLE.COM')),
  'a good name first, a bad one behind': constrained(elsewhere, dns('a.example.org'), dns(NAME)),
  'a mailbox where domains are constrained': constrained(
    constraints([mail('example.org')]),
    mail(USER),
  ),
  'a mailbox of another alphabet where mailboxes are constrained': constrained(
    constraints([mail('example.org')]),
    smtpUtf8(USER),
  ),
  'a name that is excluded': constrained(constraints([], [dns('example.com')]), dns(NAME)),
  'capitals that are excluded': constrained(
    constraints([], [dns('eXample.com')]),
    dns('wWw.ExAmPlE.com'),
  ),
  'a wildcard over what is excluded': constrained(
    constraints([], [dns(NAME), dns('kelvin.example.com')]),
    dns('*.example.com'),
  ),
  'a wildcard over all that is excluded': constrained(
    constraints([], [dns('example.com')]),
    dns('*.example.com'),
  ),
  'a mailbox that is excluded': constrained(constraints([], [mail('example.com')]), mail(USER)),
  'a host whose mailboxes are excluded': constrained(
    constraints([], [mail(USER)]),
    mail('John@EXAMPLE.com'),
  ),
  'constraints with a NUL': constrained(constraints([dns('example.com\0.org')]), dns(NAME)),
  'constraints that are no sequence': constrained(
    extension('551d1e', der(0x0c, Buffer.from('example.com')), true),
    dns(NAME),
  ),
  'constraints with a minimum': constrained(
    extension(
      '551d1e',
      sequence(der(0xa0, sequence(dns('example.com'), der(0x80, Buffer.of(1))))),
      true,
    ),
    dns(NAME),
  ),
  'constraints of a kind that is not known': constrained(
    constraints([der(0xa3, oid('2b0601040182371563'))]),
    der(0xa3, oid('2b0601040182371563')),
    dns(NAME),
  ),
  'an address of three bytes': constrained(constraints([ip(10, 0, 0)]), ip(10, 0, 0, 1), dns(NAME)),
  'more comparisons than anybody has time for': constrained(
    constraints(Array.from({ length: 2_000 }, (_, n) => dns(`a${n}.example.org`))),
    ...Array.from({ length: 900 }, (_, n) => dns(`b${n}.example.org`)),
    dns(NAME),
  ),
};

/** CAs that sign each other, for ever. */
function circle(): Buffer[] {
  const keys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [ours, theirs] = [keys(), keys()];
  const one = { subject: commonName('One'), keys: ours };
  const other = { subject: commonName('Other'), keys: theirs };
  const ca = { extensions: [CA_BASICS, SIGNS] };
  const first = forge({ ...ca, ...one });
  const second = forge({ ...ca, ...other });
  const crossed = [forge({ ...ca, ...one }, second), forge({ ...ca, ...other }, first)];
  return [forge({ extensions: usual }, first), ...crossed].map(({ certificate }) => certificate);
}

/** The leaf, and CAs up to the root, but not itself. */
function row(length: number, top: Maker = root): Buffer[] {
  const authorities = [top];
  for (let n = 1; n < length; n += 1) {
    authorities.unshift(authority(`CA ${n}`, {}, authorities[0]));
  }
  const leaf = forge({ extensions: usual }, authorities[0]);
  return [leaf, ...authorities.slice(0, -1)].map(({ certificate }) => certificate);
}

function under(parts: Parts): Buffer[] {
  const ca = authority('Unfit', parts);
  return [forge({ extensions: usual }, ca), ca].map(({ certificate }) => certificate);
}

const impostor = forge({ subject: root.subject, extensions: [CA_BASICS, SIGNS] });
const zeroLength = authority('Zero', {
  extensions: [
    extension('551d13', sequence(der(0x01, Buffer.of(0xff)), der(2, Buffer.of(0))), true),
    SIGNS,
  ],
});

export const chains: Record<string, readonly Buffer[]> = {
  'CAs in a circle': circle(),
  'itself as its own CA': [forge({ extensions: [...usual, CA_BASICS] }).certificate],
  'a chain of 50': row(50),
  'a chain of 50 to a stranger': row(50, makeRoot('Stranger')),
  'a CA that is none': under({ extensions: [] }),
  'a CA of version 1': under({ version: undefined, tail: Buffer.alloc(0) }),
  'a CA that may not sign certificates': under({
    extensions: [CA_BASICS, extension('551d0f', der(0x03, Buffer.of(1, 0x02)), true)],
  }),
  'a CA for code': under({ extensions: [CA_BASICS, SIGNS, extended('2b06010505070303')] }),
  'a CA that has expired': under({ validity: sequence(time(-20), time(-10)) }),
  'a CA with an extension that nobody knows': under({
    extensions: [CA_BASICS, SIGNS, extension('2b0601040182371563', Buffer.of(5, 0), true)],
  }),
  'a CA with an RSA key of 16 kB': under({
    publicKey: rsaKey(Buffer.concat([Buffer.of(0), Buffer.alloc(16_384, 0xff)]), Buffer.of(3)),
  }),
  'a CA without a key': under({ publicKey: ecKey(p256, Buffer.of(0)) }),
  'a CA beyond the length of the path': (() => {
    const below = authority('Below', {}, zeroLength);
    return [forge({ extensions: usual }, below), below, zeroLength].map(
      ({ certificate }) => certificate,
    );
  })(),
  'a leaf that signs': [forge({ extensions: usual }, good), good].map(
    ({ certificate }) => certificate,
  ),
  'another root of that name': [
    forge({ extensions: usual }, { ...impostor, subject: root.subject }).certificate,
    impostor.certificate,
    root.certificate,
  ],
};

/** Of a type that nobody knows. @param number of two bytes in base 128 */
function oddExtension(number: number): Buffer {
  const arc = Buffer.of(0x80 | (number >> 7), number & 0x7f).toString('hex');
  return extension(`2b06010401823715${arc}`, Buffer.of(5, 0));
}

/** Odd, but of a CA that we trust: believed for what it says, or not. */
export const odd: Record<string, readonly Buffer[]> = {
  'a negative serial': signed({ serial: der(0x02, Buffer.of(0x80)) }),
  'a serial of zero': signed({ serial: der(0x02, Buffer.of(0)) }),
  'a serial of 1000 bytes': signed({ serial: der(0x02, Buffer.alloc(1000, 1)) }),
  'no subject': signed({ subject: sequence() }),
  'a subject of 60 kB': signed({ subject: commonName(Buffer.alloc(60_000, 0x61)) }),
  'until the end of time': signed({
    validity: sequence(time(-1), der(0x18, Buffer.from('99991231235959Z'))),
  }),
  'a CA as leaf': signed({ extensions: [...usual, CA_BASICS] }),
  'a leaf ten times': Array.from({ length: 10 }, () => good.certificate),
  'a crowd behind': [good.certificate, ...row(30, makeRoot('Stranger')), root.certificate],
  'any usage': signed({ extensions: [extended('551d2500'), usual[1] as Buffer] }),
  'many odd extensions': signed({
    extensions: [...usual, ...Array.from({ length: 500 }, (_, n) => oddExtension(n + 128))],
  }),
};
