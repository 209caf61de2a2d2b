import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TlspoolError } from '../../../src/core/errors.ts';
import { ResponderServer, type Speaker } from '../../../src/core/server/responder-server.ts';
import { silentLog } from '../../../src/core/telemetry/log.ts';
import { freePort } from '../../programs/stage/ports.ts';

const TRY_LATER = Buffer.from('30030a0103', 'hex');
const said = Buffer.from('said');

async function opened(t: TestContext, speaker: Partial<Speaker>, patience = 60_000) {
  const port = await freePort();
  const authority = { answer: async () => said, list: async () => said, ...speaker };
  const server = await ResponderServer.open(
    { address: '127.0.0.1', port },
    authority,
    silentLog,
    patience,
  );
  t.after(() => server[Symbol.asyncDispose]());
  const url = `http://127.0.0.1:${port}`;
  return async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    const content = Buffer.from(await response.arrayBuffer());
    return { status: response.status, type: response.headers.get('content-type'), content };
  };
}

test('requests come by POST, or by GET in Base64', async (t) => {
  const heard: string[] = [];
  const ask = await opened(t, {
    answer: async (request) => {
      heard.push(request.toString('latin1'));
      return said;
    },
  });
  const type = 'application/ocsp-response';
  const expected = { status: 200, type, content: said };
  assert.deepEqual(await ask('/', { method: 'POST', body: 'asked' }), expected);
  assert.deepEqual(await ask(`/${Buffer.from('asked').toString('base64')}`), expected);
  assert.deepEqual(await ask(`/${encodeURIComponent('Pz8/Pg==')}`), expected);
  assert.deepEqual(heard, ['asked', 'asked', '???>']);
});

test('each root has its list', async (t) => {
  const ask = await opened(t, { list: async (kind) => Buffer.from(kind) });
  for (const kind of ['ec', 'rsa']) {
    const { content, type } = await ask(`/${kind}.crl`);
    assert.deepEqual([content.toString(), type], [kind, 'application/pkix-crl']);
  }
});

test('what is not asked for as it should be is told so', async (t) => {
  const ask = await opened(t, { answer: async () => assert.fail('it is no request') });
  const status = async (path: string, init?: RequestInit) => (await ask(path, init)).status;
  assert.equal(await status('/'), 404);
  assert.equal(await status('/ec.crl/..%2f'), 404);
  assert.equal(await status('/%zz'), 404);
  assert.equal(await status('/', { method: 'PUT', body: 'x' }), 405);
  assert.equal(await status('/', { method: 'DELETE' }), 405);
  assert.equal(await status('/', { method: 'POST', body: Buffer.alloc(9_000) }), 413);
  assert.equal(await status(`/${'A'.repeat(9_000)}`), 404);
});

test('where the token cannot sign, or not in time, others are to try later', async (t) => {
  const fails = async () => {
    throw new TlspoolError('token', 'it needs a PIN');
  };
  const never = () => new Promise<Buffer>(() => {});
  for (const speaker of [
    { answer: fails, list: fails },
    { answer: never, list: never },
  ]) {
    const ask = await opened(t, speaker, 50);
    const { status, content } = await ask('/', { method: 'POST', body: 'asked' });
    assert.deepEqual([status, content], [200, TRY_LATER]);
    assert.equal((await ask('/ec.crl')).status, 503);
  }
});

test('a token that signs nothing is not asked without end', async (t) => {
  let asked = 0;
  const ask = await opened(
    t,
    {
      answer: () => {
        asked += 1;
        return new Promise(() => {});
      },
    },
    20,
  );
  for (let n = 0; n < 40; n += 1) {
    const { content } = await ask('/', { method: 'POST', body: 'asked' });
    assert.deepEqual(content, TRY_LATER);
  }
  assert.equal(asked, 16);
});
