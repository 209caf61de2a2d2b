/** Two sessions of DTLS of ours, for datagram-mtu.test.ts: prints the sizes of the datagrams of their handshake. */
import { Network } from '../../datagrams.ts';
import { meet } from './datagram-fixture.ts';
import { Pki, startEngine } from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const leaf = pki.leaf('rsa', 'server.example');
const chain = [...leaf.chain, ...leaf.chain, ...leaf.chain];
const credential = await pki.credential(engine, { ...leaf, chain });
await using network = await Network.create();
{
  using both = meet(engine, network, credential);
  await both.client.established;
  await both.server.established;
  console.log(JSON.stringify(network.carried.map(({ data }) => data.length)));
}
await engine.stop();
pki[Symbol.dispose]();
