import { TlspoolError } from '../../errors.ts';
import type { PoolLink } from '../../tunnel/pool-link.ts';
import type { ProgramData } from '../data/program-data.ts';
import { NameLearning } from '../names/learning.ts';
import type { TrapDecisions } from '../supervisor/traps.ts';
import { ClientPolicy, type PolicyOptions } from './client-policy.ts';
import type { ClientRule } from './client-rules.ts';
import type { Departures } from './departures.ts';
import { OutgoingConnections } from './outgoing-connections.ts';
import { RuleHosts } from './rule-hosts.ts';

/** What a wrapped program's outgoing connections are to be like. */
export interface ClientTermsGiven extends Pick<PolicyOptions, 'remoteId'> {
  readonly rules: readonly ClientRule[];
  /** IANA service name for rules about access; undefined: what the port is for. */
  readonly service: string | undefined;
}

export interface ClientSideOptions extends ClientTermsGiven, Pick<PolicyOptions, 'portMeaning'> {
  readonly link: PoolLink;
  readonly departures?: Departures | undefined;
  /** Data connections of FTP. */
  readonly data: ProgramData;
  /** ms from the connection to the end of the dialog before TLS, and again to that of the handshake. */
  readonly handshakeTimeout: number;
  /** A connection came to nothing, or was refused; `which` says which, in words. */
  readonly lost: (error: TlspoolError, which: string) => void;
}

/** The client half of transparent mode: decisions about connecting and resolving sockets. Disposed of after the program's end. */
export interface ClientSide extends Disposable {
  readonly decisions: Pick<TrapDecisions, 'connect' | 'dissolved' | 'resolve' | 'bind'>;
  /** How names are learned: by sight of DNS packets, or between resolvers and their servers. */
  readonly names: 'sniffer' | 'forwarder';
}

/** Ready for a program that is started by this process. */
export async function openClientSide(options: ClientSideOptions): Promise<ClientSide> {
  const learning = new NameLearning(process.pid);
  const hosts = new RuleHosts(options.rules, (host, why) =>
    options.lost(unknownHost(why), `${host} of --client-tls or --client-starttls`),
  );
  await hosts.refresh();
  const connections = new OutgoingConnections({
    ...options,
    policy: new ClientPolicy({ ...options, addressesOf: (host) => hosts.addressesOf(host) }),
    namesOf: (pid, address, port) => learning.namesOf(pid, address, port),
  });
  return {
    names: learning.by,
    decisions: {
      connect: (question) => {
        void hosts.refresh();
        return connections.connect(question);
      },
      dissolved: ({ cookie }) => connections.dissolve(cookie),
      resolve: (question) => learning.resolve(question),
      bind: (question) => learning.bind(question),
    },
    [Symbol.dispose]: () => {
      connections[Symbol.dispose]();
      learning.close();
    },
  };
}

function unknownHost(why: string): TlspoolError {
  return new TlspoolError(
    'unknown-host',
    `it has no address that wrap knows, as ${why}: only connections of programs that ask DNS for it are known to be meant`,
  );
}
