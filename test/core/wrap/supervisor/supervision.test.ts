import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { builtLauncher } from '../../../../src/core/engine/launcher.ts';
import { accept, closeFd, socketAddresses, watch } from '../../../../src/core/engine/sockets.ts';
import { nativeSupervisor } from '../../../../src/core/wrap/supervisor/native.ts';
import { openPrivateNetwork } from '../../../../src/core/wrap/supervisor/private-network.ts';
import { startSupervised } from '../../../../src/core/wrap/supervisor/supervision.ts';
import type {
  ListenAnswer,
  ListenQuestion,
  SocketQuestion,
  TrapDecisions,
} from '../../../../src/core/wrap/supervisor/traps.ts';

/** Accepts one connection on a free port; fails if it does not look like one over loopback. */
const acceptor = `
import socket
listener = socket.create_server(("0.0.0.0", 0))
port = listener.getsockname()[1]
connection, peer = listener.accept()
same = peer == connection.getpeername() and peer[0] == "127.0.0.1"
exit(not same or connection.getsockname() != ("127.0.0.1", port))
`;

const options = { names: false };

/** To the kernel. */
function left({ fd }: SocketQuestion) {
  closeFd(fd);
  return { action: 'proceed' } as const;
}

function decisions(answer: (question: ListenQuestion) => ListenAnswer) {
  const listening = Promise.withResolvers<number>();
  const all: TrapDecisions = {
    listen: answer,
    vacate: () => undefined,
    connect: left,
    resolve: left,
    bind: left,
    dissolved: () => undefined,
    listening: ({ fd }) => listening.resolve(fd),
    forgone: () => assert.fail('no listener'),
    refused: ({ reason }) => assert.fail(reason),
    foreign: ({ executable }) => assert.fail(executable),
  };
  return { all, listening: listening.promise };
}

function python(script: string) {
  const command = ['/usr/bin/python3', '-c', script];
  return { launcher: builtLauncher, command, environment: process.env };
}

test('a wrapped listener gets connections that look like those of the client', async () => {
  await openPrivateNetwork(builtLauncher);
  const { all, listening } = decisions(() => ({ action: 'wrap', listener: 1 }));
  const program = await startSupervised(python(acceptor), all, options);
  const outside = await listening;
  const { local } = socketAddresses(outside);
  const client = connect({ port: local?.port ?? 0, host: '127.0.0.1' });
  await once(client, 'connect');
  const accepted = await next(outside);
  const native = nativeSupervisor();
  const { fd: inside } = native.connectInside(native.pathInside(accepted));
  assert.deepEqual(socketAddresses(inside).local, {
    address: '127.0.0.1',
    port: client.localPort,
  });
  assert.equal(await program.ended, 0);
  await program.over;
  client.destroy();
  for (const fd of [outside, accepted, inside]) closeFd(fd);
});

test('a call that is denied fails as was said', async () => {
  const { all } = decisions(() => ({ action: 'deny', errno: 13 }));
  const script = 'import socket\ntry: socket.create_server(("127.0.0.1", 0))\n';
  const program = await startSupervised(
    python(`${script}except OSError as error: exit(error.errno)`),
    all,
    options,
  );
  assert.equal(await program.ended, 13);
  await program.over;
});

/** By which a virtual machine talks to its host and to others, in clear. */
const besides = `
import errno, socket
def refused(act, *arguments):
    try: act(*arguments)
    except OSError as error: return error.errno == errno.EACCES
client, server = socket.socket(socket.AF_VSOCK), socket.socket(socket.AF_VSOCK)
server.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
exit(not (refused(client.connect, (socket.VMADDR_CID_HOST, 1)) and refused(server.listen)))
`;
const possible = 'import socket; socket.socket(socket.AF_VSOCK)';
const hasBesides = spawnSync('/usr/bin/python3', ['-c', possible]).status === 0;

test('a stream that is neither TCP nor local is refused, and told of', {
  skip: !hasBesides && 'this kernel has no VSOCK',
}, async () => {
  const told: string[] = [];
  const { all } = decisions(() => assert.fail('nothing is to be decided'));
  const hearing = {
    ...all,
    refused: ({ call, reason }: { call: string; reason: string }) =>
      void told.push(`${call}: ${reason}`),
  };
  const program = await startSupervised(python(besides), hearing, options);
  assert.equal(await program.ended, 0);
  await program.over;
  assert.deepEqual(told, ['connect: it is no TCP socket', 'listen: it is no TCP socket']);
});

/** Has two sockets of one address, of which one at a time can listen. */
const rivals = `
import errno, socket
first, second = socket.socket(), socket.socket()
for each in first, second: each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
first.bind(("127.0.0.1", 0))
second.bind(first.getsockname())
first.listen()
try: second.listen()
except OSError as error: exit(error.errno != errno.EADDRINUSE)
exit("both listen")
`;

test('a listener that comes to nothing is forgone', async () => {
  const forgone: number[] = [];
  let last = 0;
  const { all, listening } = decisions(() => ({ action: 'wrap', listener: ++last }));
  const watching = {
    ...all,
    forgone: ({ listener }: { listener: number }) => void forgone.push(listener),
  };
  const program = await startSupervised(python(rivals), watching, options);
  assert.equal(await program.ended, 0);
  await program.over;
  assert.deepEqual(forgone, [2]);
  closeFd(await listening);
});

function next(listener: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const watching = watch(listener, { readable: true }, () => {
    const fd = accept(listener);
    if (fd === undefined) return;
    watching.close();
    resolve(fd);
  });
  return promise;
}
