/**
 * A process with handshakes, signatures and transfers under way in the engine, which then ends as it is told:
 *   busy-program.ts exit|throw|terminate ms order
 * The order is JSON: where the token is, and the leaf.
 */
import { Socket } from 'node:net';
import { Engine } from '../../../../src/core/engine/engine.ts';
import * as sockets from '../../../../src/core/engine/sockets.ts';
import type { CredentialHandle } from '../../../../src/core/engine/types.ts';
import { NativeTokens } from '../../../../src/core/token/native-tokens.ts';

export interface Order {
  readonly module: string;
  readonly softhsmConf: string;
  readonly label: string;
  readonly pin: string;
  /** All in base64. */
  readonly chain: readonly string[];
  readonly keyId: string;
  readonly publicKey: string;
}

/** What `exit` ends with. */
export const EXIT = 7;

const [, , how, ms, text] = process.argv;

if (how !== undefined) {
  const order = JSON.parse(text ?? '') as Order;
  const engine = Engine.start({ threads: 2 });
  const credential = await credentialOf(engine, order);
  let connections = 0;
  const busy = new Promise<void>((resolve) => {
    for (let i = 0; i < 4; i++)
      transfer(engine, credential, () => ++connections === 4 && resolve());
  });
  for (let i = 0; i < 4; i++) shake(engine, credential);
  await busy;
  setTimeout(() => end(how), Number(ms));
}

function end(how: string): void {
  if (how === 'exit') process.exit(EXIT);
  if (how === 'throw') throw new Error('thrown under load');
  process.kill(process.pid, 'SIGTERM');
}

async function credentialOf(engine: Engine, order: Order): Promise<CredentialHandle> {
  const token = 'pkcs11:token=engine';
  const native = new NativeTokens();
  native.loadModule({ path: order.module, softhsmConf: order.softhsmConf });
  native.openToken({ uri: token, label: order.label });
  await native.login(token, Buffer.from(order.pin), { repeatable: true, patient: false });
  const bytes = (encoded: string) => Buffer.from(encoded, 'base64');
  const publicKey = bytes(order.publicKey);
  const key = native.createKey({ token, id: bytes(order.keyId), publicKey });
  return engine.createCredential({ chain: order.chain.map(bytes), key });
}

interface Pair {
  readonly server: Socket;
  readonly client: Socket;
}

/** Both sides of a connection, in this engine; `ended` is called once for both. */
function connection(engine: Engine, credential: CredentialHandle, ended: () => void): Pair {
  const [one, other] = sockets.socketPair();
  const [server, serversEnd] = sockets.socketPair();
  const [client, clientsEnd] = sockets.socketPair();
  const common = { handshakeTimeout: 60_000, idleTimeout: 0, alpn: [], peer: 'ignore' } as const;
  let left = 2;
  const closed = () => --left === 0 && ended();
  const local = { credentials: [credential] };
  const handler = { established: () => {}, closed };
  engine.open({ ...common, fd: one, role: 'server', local, plainFd: serversEnd }, handler);
  engine.open(
    { ...common, fd: other, role: 'client', local: { credentials: [] }, plainFd: clientsEnd },
    {
      ...handler,
      verifyPeer: ({ session }) => engine.acceptPeer(session, { name: 'server', until: 0 }),
    },
  );
  return { server: new Socket({ fd: server }), client: new Socket({ fd: client }) };
}

/** Data both ways, for ever. */
function transfer(engine: Engine, credential: CredentialHandle, begun: () => void): void {
  const { server, client } = connection(engine, credential, () => {});
  const chunk = Buffer.alloc(65_536, 'x');
  client.once('data', begun);
  for (const socket of [server, client]) {
    const pour = () => {
      while (socket.write(chunk)) {}
    };
    socket
      .on('drain', pour)
      .on('error', () => {})
      .resume();
    pour();
  }
}

/** One handshake after the other, for ever. */
function shake(engine: Engine, credential: CredentialHandle): void {
  const { server, client } = connection(engine, credential, () => shake(engine, credential));
  server.on('error', () => {}).end('a word');
  client
    .on('error', () => {})
    .resume()
    .end();
  server.resume();
}
