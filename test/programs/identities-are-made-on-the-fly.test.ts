import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { startTlsFlags } from '../../src/core/protocol/flags.ts';
import { handedOver } from './stage/handed-over.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';

/** A CA of its own, its key in the pool's token. */
async function signerFor(pool: Pool, kind: readonly string[]): Promise<{ caFile: string }> {
  const [key, caFile] = [join(pool.folder, 'signer.key'), join(pool.folder, 'signer.pem')];
  const subject = ['-subj', '/CN=On the fly', '-days', '30', '-addext', 'keyUsage=keyCertSign'];
  const made = await run('openssl', [
    ...['req', '-x509', '-nodes', '-newkey', ...kind, '-keyout', key, '-out', caFile],
    ...subject,
  ]);
  assert.equal(made.code, 0, made.stderr);
  const pkcs8 = join(pool.folder, 'signer.p8');
  await run('openssl', ['pkcs8', '-topk8', '-nocrypt', '-in', key, '-out', pkcs8]);
  const { tokens } = JSON.parse(await pool.command('tokens', 'list', '--json'));
  const pin = readFileSync(String(tokens[0].loginFrom).slice('file:'.length), 'utf8').trim();
  const put = await run(
    'softhsm2-util',
    ['--import', pkcs8, '--token', 'tlspool', '--label', 'signer', '--id', '51', '--pin', pin],
    { env: { ...process.env, SOFTHSM2_CONF: join(pool.stateDir, 'softhsm2.conf') } },
  );
  assert.equal(put.code, 0, put.stderr);
  return { caFile };
}

for (const [name, kind] of [
  ['an EC signer', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']],
  ['an RSA signer', ['rsa:2048']],
] as const) {
  test(`${name} makes the identity that a client asks for, and it is believed by its CA alone`, async () => {
    await using pool = await Pool.create([['www.example.com']]);
    const { caFile } = await signerFor(pool, kind);
    await pool.serve(
      `tls_onthefly_signcert file:${caFile}\ntls_onthefly_signkey pkcs11:token=tlspool;object=signer\n`,
    );
    const program = await connect({ socket: pool.socket });
    const request = { localId: undefined, flags: { ignoreRemoteId: true, localIdOnTheFly: true } };
    const meet = (host: string, ca = caFile) =>
      handedOver(program, { caFile: ca } as Pool, host, request);

    using first = await meet('new.example.org');
    assert.equal(first.session.localId, 'new.example.org');
    assert.ok((first.session.flags & startTlsFlags.localIdOnTheFly) !== 0);
    const { valid_from, valid_to, subjectaltname, ext_key_usage } = first.tls.getPeerCertificate();
    assert.equal(subjectaltname, 'DNS:new.example.org');
    assert.deepEqual(ext_key_usage, ['1.3.6.1.5.5.7.3.1']);
    assert.equal(Date.parse(valid_to) - Date.parse(valid_from), 5 * 60_000);
    first.plain.write('there');
    assert.equal(String(await first.heard()), 'there');

    // The same again while it holds; another name gets another certificate.
    using second = await meet('new.example.org');
    using other = await meet('other.example.org');
    const serial = (each: typeof first) => each.tls.getPeerCertificate().serialNumber;
    assert.equal(serial(second), serial(first));
    assert.notEqual(serial(other), serial(first));

    // What is there is shown, and the flag says that nothing was made.
    using own = await meet('www.example.com', pool.caFile);
    assert.equal(own.session.flags & startTlsFlags.localIdOnTheFly, 0);

    // Locked and opened again, the token has a new key for it.
    await pool.command('pin', 'lock', 'tlspool');
    const { tokens } = JSON.parse(await pool.command('tokens', 'list', '--json'));
    await pool.command('pin', 'enter', 'tlspool', '--from', tokens[0].loginFrom);
    using later = await meet('new.example.org');
    assert.notEqual(serial(later), serial(first));
    program.close();
  });
}

test('without a signer the program is told what to configure', async () => {
  await using pool = await Pool.serving([['www.example.com']]);
  const program = await connect({ socket: pool.socket });
  const flags = { ignoreRemoteId: true, localIdOnTheFly: true };
  await assert.rejects(handedOver(program, pool, 'new.example.org', { flags }), {
    code: 'command-notimpl',
    message: /tls_onthefly_signcert/,
  });
  program.close();
});
