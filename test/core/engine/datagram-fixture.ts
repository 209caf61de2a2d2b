/** Sessions of DTLS whose both ends are ours. */
import type { Engine } from '../../../src/core/engine/engine.ts';
import type { CredentialHandle, OpenSession } from '../../../src/core/engine/types.ts';
import { type DatagramProgram, datagramPlaintext, type Network } from '../../datagrams.ts';
import { type Answers, type Observed, open } from './fixture.ts';

export interface Meeting extends Disposable {
  readonly server: Observed;
  readonly client: Observed;
  readonly serving: DatagramProgram;
  readonly visiting: DatagramProgram;
}

export interface Changes {
  readonly server?: Partial<OpenSession>;
  readonly client?: Partial<OpenSession>;
  readonly serverAnswers?: Answers;
  /** Instead of believing whatever it is shown. */
  readonly clientAnswers?: Answers;
}

/** A server and a client on two sides of a network; the client believes whatever it is shown. */
export function meet(
  engine: Engine,
  network: Network,
  credential: CredentialHandle,
  { server = {}, client = {}, serverAnswers = {}, clientAnswers }: Changes = {},
): Meeting {
  const ours = datagramPlaintext();
  const theirs = datagramPlaintext();
  const believing: Answers = {
    verifyPeer: ({ session }) => engine.acceptPeer(session, { name: 'server.example', until: 0 }),
  };
  const both = { datagrams: true, handshakeTimeout: 60_000 } as const;
  const local = { credentials: [credential] };
  const serverEnd = { fd: network.serverFd(), role: 'server', plainFd: ours.fd, local } as const;
  const clientEnd = { fd: network.clientFd(), role: 'client', plainFd: theirs.fd } as const;
  return {
    server: open(engine, { ...both, ...serverEnd, ...server }, serverAnswers),
    client: open(engine, { ...both, ...clientEnd, ...client }, clientAnswers ?? believing),
    serving: ours.program,
    visiting: theirs.program,
    [Symbol.dispose]() {
      ours.program.close();
      theirs.program.close();
    },
  };
}
