/**
 * Two sessions of DTLS of ours, for datagram-mtu.test.ts: prints the sizes of the datagrams of their handshake, and how many
 * the client's socket did not take. With the number of a socket, that is the client's, the MTU shrinks once the server has
 * shown its certificate, and the sizes are those of what the client sends afterwards.
 */
import { execFileSync } from 'node:child_process';
import { connectUdp } from '../../../src/core/engine/sockets.ts';
import { Network } from '../../datagrams.ts';
import { meet } from './datagram-fixture.ts';
import { type Answers, Pki, startEngine } from './fixture.ts';

const [, , socket] = process.argv;
const pki = new Pki();
const engine = startEngine();
const leaf = pki.leaf('rsa', 'server.example');
const chain = [...leaf.chain, ...leaf.chain, ...leaf.chain];
const credential = await pki.credential(engine, { ...leaf, chain });
await using network = await Network.create();

function accepting(first: () => void): Answers {
  return {
    verifyPeer({ session }) {
      first();
      engine.acceptPeer(session, { name: 'server.example', until: 0 });
    },
  };
}

let shrunkAt = 0;
function shrink(): void {
  if (socket === undefined) return;
  execFileSync('ip', ['link', 'set', 'lo', 'mtu', '700']);
  shrunkAt = network.carried.length;
}

function clientFd(): number {
  if (socket === undefined) return network.clientFd();
  connectUdp(Number(socket), '127.0.0.1', network.port);
  return Number(socket);
}

{
  using both = meet(engine, network, credential, {
    server: { peer: 'require' },
    client: { local: { credentials: [credential] }, fd: clientFd() },
    serverAnswers: accepting(() => {}),
    clientAnswers: accepting(shrink),
  });
  const established = await Promise.all([both.client.established, both.server.established]);
  const sizes = network.carried
    .slice(shrunkAt)
    .filter(({ direction }) => socket === undefined || direction === 'to-server')
    .map(({ data }) => data.length);
  const { lostOut } = engine.counters(both.client.id);
  console.log(JSON.stringify({ done: established.every(Boolean), sizes, lost: lostOut }));
}
await engine.stop();
pki[Symbol.dispose]();
