/** A session for unwatched.test.ts: prints how it ended. */
import { open, startEngine, tcpPair } from './fixture.ts';

const engine = startEngine({ threads: 1 });
const { peer, fd } = await tcpPair();
const { reason, failure } = await open(engine, { fd, role: 'server' }).closed;
process.stdout.write(JSON.stringify({ reason, why: failure?.reason }));
peer.destroy();
await engine.stop();
