import type { Better, Figure } from './statistics.ts';

interface Column {
  readonly heading: string;
  readonly figure: Figure;
  /** Digits after the point. */
  readonly digits: number;
}

export interface Table {
  readonly title: string;
  /** What the numbers are. */
  readonly note: string;
  /** Undefined: the columns differ, and peers have nothing to compare. */
  readonly better?: Better;
  readonly columns: readonly Column[];
}

const column = (heading: string, measure: string, metric: string, digits: number): Column => ({
  heading,
  figure: { measure, metric },
  digits,
});

const bulk = (metric: string, digits: number): Column[] =>
  ['up-1', 'down-1', 'up-16', 'down-16'].map((measure) =>
    column(measure.replace('-', ', '), measure, metric, digits),
  );

const handshakes = (metric: string, digits: number): Column[] => [
  column('P-256', 'handshakes-p256', metric, digits),
  column('RSA-2048', 'handshakes-rsa', metric, digits),
  column('resumed', 'resumed', metric, digits),
];

const latency = (measure: string, connections: string): Column[] => [
  column(`${connections}, p50`, measure, 'p50', 0),
  column(`${connections}, p99`, measure, 'p99', 0),
];

export const tables: readonly Table[] = [
  {
    title: 'Bulk data: CPU seconds per GiB',
    note: 'Towards the backend (up) and from it (down), over 1 and 16 connections.',
    better: 'lower',
    columns: bulk('cpuSecondsPerGiB', 2),
  },
  {
    title: 'Bulk data: MiB per second',
    note: 'The load generator and the backend share the cores with the proxy.',
    better: 'higher',
    columns: bulk('mebibytesPerSecond', 0),
  },
  {
    title: 'Handshakes: CPU milliseconds each',
    note: 'Whole visits: connect, handshake, one byte to the backend and back, close.',
    better: 'lower',
    columns: handshakes('cpuMilliseconds', 2),
  },
  {
    title: "Where tlspool's handshakes take their CPU: milliseconds each",
    note: "The daemon's JavaScript (with V8's threads), its engine's threads, its signing threads (SoftHSM), and the tunnel.",
    columns: ['handshakes-p256', 'resumed'].flatMap((measure) =>
      ['javascript', 'engine', 'token', 'tunnel'].map((metric) =>
        column(`${measure === 'resumed' ? 'resumed' : 'P-256'}, ${metric}`, measure, metric, 2),
      ),
    ),
  },
  {
    title: 'Handshakes: per second',
    note: '8 clients at once, on the same cores.',
    better: 'higher',
    columns: handshakes('perSecond', 0),
  },
  {
    title: 'Memory per idle connection: KiB',
    note: 'Growth of the proportional set size of all processes over that of a warmed-up proxy without connections.',
    better: 'lower',
    columns: [
      column('1,000 open', 'idle-1000', 'kibibytesPerConnection', 1),
      column('9,000 open', 'idle-9000', 'kibibytesPerConnection', 1),
      column('MiB in total, 9,000', 'idle-9000', 'mebibytesInTotal', 0),
    ],
  },
  {
    title: "Where tlspool's idle connections have their memory: KiB each",
    note: 'The daemon and the tunnel, apart.',
    columns: (['1000', '9000'] as const).flatMap((connections) =>
      ['daemon', 'tunnel'].map((metric) =>
        column(
          `${Number(connections).toLocaleString('en')} open, ${metric}`,
          `idle-${connections}`,
          metric,
          1,
        ),
      ),
    ),
  },
  {
    title: 'Latency: microseconds for 64 bytes there and back',
    note: 'On 1 connection, and on 16 at once.',
    better: 'lower',
    columns: [...latency('ping-pong-1', '1'), ...latency('ping-pong-16', '16')],
  },
  {
    title: 'A slow token: 20 ms for every signature',
    note: 'P-256 handshakes, 64 clients at once; event-loop delay (with the 1 ms timer that measures it) of the daemon.',
    columns: [
      column('handshakes/s', 'slow-token', 'perSecond', 0),
      column('visit p50, ms', 'slow-token', 'visitP50', 0),
      column('event loop p99, ms', 'slow-token', 'eventLoopP99', 1),
    ],
  },
  {
    title: 'Authorisation: decisions by 100,000 rules and 10,000 groups',
    note: 'In one thread, by its CPU clock, for 50,000 different remotes; p99 by the clock on the wall.',
    columns: [
      column('decisions/s', 'authorisation', 'perSecond', 0),
      column('p99, µs', 'authorisation', 'p99Microseconds', 1),
    ],
  },
  {
    title: 'Choosing an identity among many',
    note: "A server's by SNI and a client's by disclosure, µs for both; memory and loading are of 50,000 identities with as many disclosure entries.",
    columns: [
      column('of 50', 'choosing', 'fewMicroseconds', 1),
      column('of 50,000', 'choosing', 'manyMicroseconds', 1),
      column('ratio', 'choosing', 'ratio', 2),
      column('KiB each', 'choosing', 'kibibytesPerIdentity', 1),
      column('loading, ms', 'choosing', 'loadMilliseconds', 0),
    ],
  },
  {
    title: 'wrap: CPU microseconds for each connection',
    note: 'Of the program and of `wrap`, which hands the connection over to the daemon, beside the same program without TLS; what the daemon does is not in it.',
    columns: [
      column('direct', 'wrap', 'directMicroseconds', 0),
      column('wrapped', 'wrap', 'wrappedMicroseconds', 0),
      column('overhead', 'wrap', 'overheadMicroseconds', 0),
    ],
  },
  {
    title: 'Start-up of the command: milliseconds',
    note: 'Median of several runs a round, and its ratio to an empty program in the same Node.',
    better: 'lower',
    columns: [
      column('ms', 'start-up', 'milliseconds', 0),
      column('× bare Node', 'start-up', 'ratioToBareNode', 1),
    ],
  },
];
