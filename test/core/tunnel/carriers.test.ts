import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, test } from 'node:test';
import type { PoolConnection, StartTlsRequest } from '../../../src/client/index.ts';
import {
  closeFd,
  listenTcp,
  socketAddresses,
  socketPair,
} from '../../../src/core/engine/sockets.ts';
import { TlspoolError } from '../../../src/core/errors.ts';
import { clientCarrier, serverCarrier } from '../../../src/core/tunnel/carriers.ts';
import type { Endpoint } from '../../../src/core/tunnel/endpoint.ts';

/** A pool that does `answer` with each request, and like the real one takes every descriptor over. */
function pool(answer: (request: StartTlsRequest) => Promise<void>): PoolConnection {
  const startTls = async (request: StartTlsRequest) => {
    try {
      await answer(request);
    } finally {
      closeFd(request.fd);
    }
  };
  return { startTls } as unknown as PoolConnection;
}

// It never accepts: connections to it cost no descriptor on its side.
const listener = listenTcp('127.0.0.1', 0);
after(() => closeFd(listener));
const port = socketAddresses(listener).local?.port ?? 0;
const target: Endpoint = { kind: 'tcp', host: '127.0.0.1', port };

const nowhere: Endpoint = { kind: 'unix', path: '/nonexistent/socket' };
const shared = { service: 'imap', alpn: ['imap'] } as const;
const asServer = {
  role: 'server',
  localIds: ['a.example', 'b.example'],
  remote: 'ignore',
  ...shared,
} as const;
const asClient = { role: 'client', localId: undefined, remoteId: 'a.example', ...shared } as const;

function openSockets(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Runs `scenario` with one end of a pair, and checks that no descriptor is left open by it. */
async function leavesNothing(scenario: (fd: number) => Promise<void>): Promise<void> {
  const before = openSockets();
  const [ours, theirs] = socketPair();
  await scenario(theirs);
  closeFd(ours);
  assert.equal(openSockets(), before);
}

test('as a server, the target is contacted when the handshake is done, not before', async () => {
  await leavesNothing(async (fd) => {
    const carry = serverCarrier(asServer, target);
    await carry(
      pool(async (request) => {
        assert.equal(request.fd, fd);
        assert.deepEqual(request.localIds, ['a.example', 'b.example']);
        assert.deepEqual(request.flags, { ignoreRemoteId: true, requestRemoteId: false });
        assert.equal(request.service, 'imap');
        const before = openSockets();
        const plain = await request.plain({ localId: 'a.example', remoteId: '' });
        assert.equal(openSockets(), before + 1);
        assert.equal(socketAddresses(plain).remote?.port, port);
        closeFd(plain);
      }),
      fd,
    );
  });
});

test('as a server, a target that is away fails the hand-over', async () => {
  await leavesNothing(async (fd) => {
    const carry = serverCarrier(asServer, nowhere);
    const asking = pool(async ({ plain }) => {
      await plain({ localId: 'a.example', remoteId: '' });
    });
    await assert.rejects(carry(asking, fd), { code: 'target-unreachable' });
  });
});

test('as a client, the pool gets the connection to the server and then ours', async () => {
  await leavesNothing(async (fd) => {
    const carry = clientCarrier(asClient, target);
    await carry(
      pool(async (request) => {
        assert.equal(request.remoteId, 'a.example');
        assert.notEqual(request.fd, fd);
        assert.equal(await request.plain({ localId: '', remoteId: 'a.example' }), fd);
        closeFd(fd);
      }),
      fd,
    );
  });
});

test('as a client, a server that is away or refused ends the connection', async () => {
  await leavesNothing(async (fd) => {
    const untouched = pool(() => assert.fail('the pool was asked'));
    await assert.rejects(clientCarrier(asClient, nowhere)(untouched, fd), {
      code: 'target-unreachable',
    });
  });
  await leavesNothing(async (fd) => {
    const refusing = pool(() => Promise.reject(new TlspoolError('refused', 'not this server')));
    await assert.rejects(clientCarrier(asClient, target)(refusing, fd), { code: 'refused' });
  });
});
