import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { TlspoolError } from '../../../src/core/errors.ts';
import { infoKinds, LONGEST_VALUE, TELL_VALUE } from '../../../src/core/protocol/info.ts';
import type { Info } from '../../../src/core/protocol/message.ts';
import { writePrngRequest } from '../../../src/core/protocol/prng.ts';
import type { Agreed } from '../../../src/core/session/agreed.ts';
import { isExporterLabel } from '../../../src/core/session/exporter-labels.ts';
import { answerInfo, answerPrng } from '../../../src/core/session/questions.ts';
import type { SessionEngine } from '../../../src/core/session/services.ts';

const ctlkey = Buffer.alloc(16, 7);
const folder = mkdtempSync(join(tmpdir(), 'tlspool-questions-'));
after(() => rmSync(folder, { recursive: true }));

/** A certificate, DER. */
function certificate(subject: string, ...names: readonly string[]): Buffer {
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  const extension = ['-addext', `subjectAltName=${names.join(',')}`];
  const out = ['-outform', 'DER', '-out', cert];
  const args = ['req', '-x509', ...kind, '-subj', subject, ...extension, ...out];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return readFileSync(cert);
}

const peer = certificate('/CN=peer', 'DNS:one.example', 'email:mary@example.com');
const own = certificate(`/O=${'o'.repeat(60)}/OU=${'u'.repeat(60)}`.repeat(3), 'DNS:own.example');

/** What an established session would answer. */
const engine = {
  certificates: async () => ({ own: [own], peer: [peer] }),
  channelBinding: async (_id: number, kind: string) =>
    kind === 'tls-unique' ? undefined : Buffer.from(kind),
  exporter: async (_id: number, label: string, context: Buffer | undefined, length: number) => {
    if (label === 'EXPERIMENTAL broken') throw new TlspoolError('exporter-refused', 'nothing');
    return Buffer.from(`${label}|${context?.toString() ?? 'none'}`.padEnd(length).slice(0, length));
  },
} as unknown as SessionEngine;

const agreed = {
  admitted: { groups: ['staff', 'members'], decision: 'open' },
} as unknown as Agreed;

function ask(kind: number, value?: Buffer, length = value?.length ?? TELL_VALUE): Promise<Info> {
  const buffer = Buffer.alloc(LONGEST_VALUE);
  value?.copy(buffer);
  const message: Info = { command: 'info', ctlkey, kind, length, buffer };
  return answerInfo(engine, { engineId: 1, agreed, shownAs: '127.0.0.1:1' }, message);
}

async function told(kind: number): Promise<Buffer> {
  const { length, buffer } = await ask(kind);
  return buffer.subarray(0, length);
}

const notFound = { code: 'info-not-found' };

test('a value is told, and compared with', async () => {
  const subject = await told(infoKinds.peerSubject);
  assert.ok(subject.includes('peer'));
  assert.deepEqual(await told(infoKinds.peerIssuer), subject, 'it signed itself');
  const answer = await ask(infoKinds.peerSubject, subject);
  assert.equal(answer.length, subject.length);
  await assert.rejects(ask(infoKinds.peerSubject, subject.subarray(1)), notFound);
  await assert.rejects(ask(infoKinds.peerSubject, Buffer.alloc(0)), notFound);
});

test('alternative names are compared with, never told', async () => {
  const dns = Buffer.concat([Buffer.from([0x82, 11]), Buffer.from('one.example')]);
  const mail = Buffer.concat([Buffer.from([0x81, 16]), Buffer.from('mary@example.com')]);
  for (const name of [dns, mail]) await ask(infoKinds.peerSubjectAltName, name);
  await assert.rejects(ask(infoKinds.ownSubjectAltName, dns), notFound);
  await assert.rejects(ask(infoKinds.peerSubjectAltName, dns.subarray(0, 12)), notFound);
  await assert.rejects(ask(infoKinds.peerSubjectAltName), notFound);
});

test('what does not fit, or is not there, is not found', async () => {
  await assert.rejects(ask(infoKinds.ownSubject), { ...notFound, message: /does not fit/ });
  await assert.rejects(ask(infoKinds.tlsUnique), notFound);
  await assert.rejects(ask(infoKinds.peerSubject, Buffer.alloc(0), LONGEST_VALUE + 1), notFound);
  await assert.rejects(ask(0x1234_5678), { code: 'infokind-unknown' });
});

test('channel bindings and what let the remote in', async () => {
  assert.equal(String(await told(infoKinds.tlsServerEndPoint)), 'tls-server-end-point');
  assert.equal(String(await told(infoKinds.tlsExporter)), 'tls-exporter');
  assert.equal(String(await told(infoKinds.remoteGroup)), 'staff,members');
  await ask(infoKinds.remoteGroup, Buffer.from('members'));
  await assert.rejects(ask(infoKinds.remoteGroup, Buffer.from('staff,members')), notFound);
});

function material(label: string, context?: Buffer, length = 48) {
  return answerPrng(engine, 1, writePrngRequest({ ctlkey, label, context, length }));
}

test('labels of the registry, what begins like them, and those of experiments are allowed', async () => {
  for (const label of [
    'client EAP encryption',
    'ttls challenge',
    'EXTRACTOR-dtls_srtp',
    'EXPORTER_DTLS_OVER_SCTP',
    'EXPORTER: teap session key seed',
    'EXPORTER-Channel-Binding',
    'EXPORTER-Channel-Binding and more',
    'EXPERIMENTAL',
    'EXPERIMENTAL mine',
  ]) {
    const { length, buffer } = await material(label);
    assert.equal(buffer.toString('latin1', 0, length).trimEnd(), `${label}|none`);
  }
});

test('labels of TLS itself, and others, are not', async () => {
  for (const label of [
    'client finished',
    'server finished',
    'master secret',
    'extended master secret',
    'key expansion',
    'tls13 exporter',
    'exporter',
    'mine',
    'experimental',
    'EXPORTER-',
    'xEXPERIMENTAL',
    '',
  ]) {
    await assert.rejects(material(label), { code: 'prng-unavailable' }, label);
  }
});

test('no label is allowed but by its beginning', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (label, more) => {
      if (isExporterLabel(label)) assert.ok(isExporterLabel(label + more));
      if (!/^(E|c|t)/.test(label)) assert.ok(!isExporterLabel(label + more) || label === '');
    }),
  );
});

test('no context differs from an empty one; nothing is asked for nothing', async () => {
  const read = ({ length, buffer }: Awaited<ReturnType<typeof material>>) =>
    buffer.toString('latin1', 0, length).trimEnd();
  assert.equal(read(await material('EXPERIMENTAL')), 'EXPERIMENTAL|none');
  assert.equal(read(await material('EXPERIMENTAL', Buffer.alloc(0))), 'EXPERIMENTAL|');
  assert.equal(read(await material('EXPERIMENTAL', Buffer.from('c'))), 'EXPERIMENTAL|c');
  assert.equal((await material('EXPERIMENTAL', undefined, 0)).length, 0);
  assert.equal((await material('EXPERIMENTAL', undefined, 350)).length, 350);
  await assert.rejects(material('EXPERIMENTAL broken'), { code: 'prng-unavailable' });
});
