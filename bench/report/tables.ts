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

const bulk = (metric: string, digits: number): Column[] =>
  (['up-1', 'down-1', 'up-16', 'down-16'] as const).map((measure) => ({
    heading: measure.replace('-', ', '),
    figure: { measure, metric },
    digits,
  }));

const handshakes = (metric: string, digits: number): Column[] => [
  { heading: 'P-256', figure: { measure: 'handshakes-p256', metric }, digits },
  { heading: 'RSA-2048', figure: { measure: 'handshakes-rsa', metric }, digits },
  { heading: 'resumed', figure: { measure: 'resumed', metric }, digits },
];

const latency = (measure: string, connections: string): Column[] => [
  { heading: `${connections}, p50`, figure: { measure, metric: 'p50' }, digits: 0 },
  { heading: `${connections}, p99`, figure: { measure, metric: 'p99' }, digits: 0 },
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
      ['javascript', 'engine', 'token', 'tunnel'].map((metric) => ({
        heading: `${measure === 'resumed' ? 'resumed' : 'P-256'}, ${metric}`,
        figure: { measure, metric },
        digits: 2,
      })),
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
      {
        heading: '1,000 open',
        figure: { measure: 'idle-1000', metric: 'kibibytesPerConnection' },
        digits: 1,
      },
      {
        heading: '9,000 open',
        figure: { measure: 'idle-9000', metric: 'kibibytesPerConnection' },
        digits: 1,
      },
      {
        heading: 'MiB in total, 9,000',
        figure: { measure: 'idle-9000', metric: 'mebibytesInTotal' },
        digits: 0,
      },
    ],
  },
  {
    title: "Where tlspool's idle connections have their memory: KiB each",
    note: 'The daemon and the tunnel, apart.',
    columns: (['1000', '9000'] as const).flatMap((connections) =>
      ['daemon', 'tunnel'].map((metric) => ({
        heading: `${Number(connections).toLocaleString('en')} open, ${metric}`,
        figure: { measure: `idle-${connections}`, metric },
        digits: 1,
      })),
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
      {
        heading: 'handshakes/s',
        figure: { measure: 'slow-token', metric: 'perSecond' },
        digits: 0,
      },
      {
        heading: 'visit p50, ms',
        figure: { measure: 'slow-token', metric: 'visitP50' },
        digits: 0,
      },
      {
        heading: 'event loop p99, ms',
        figure: { measure: 'slow-token', metric: 'eventLoopP99' },
        digits: 1,
      },
    ],
  },
  {
    title: 'Authorisation: decisions by 100,000 rules and 10,000 groups',
    note: 'In one thread, by its CPU clock, for 50,000 different remotes; p99 by the clock on the wall.',
    columns: [
      {
        heading: 'decisions/s',
        figure: { measure: 'authorisation', metric: 'perSecond' },
        digits: 0,
      },
      {
        heading: 'p99, µs',
        figure: { measure: 'authorisation', metric: 'p99Microseconds' },
        digits: 1,
      },
    ],
  },
  {
    title: 'Choosing an identity among many',
    note: "A server's by SNI and a client's by disclosure, µs for both; memory and loading are of 50,000 identities with as many disclosure entries.",
    columns: [
      { heading: 'of 50', figure: { measure: 'choosing', metric: 'fewMicroseconds' }, digits: 1 },
      {
        heading: 'of 50,000',
        figure: { measure: 'choosing', metric: 'manyMicroseconds' },
        digits: 1,
      },
      { heading: 'ratio', figure: { measure: 'choosing', metric: 'ratio' }, digits: 2 },
      {
        heading: 'KiB each',
        figure: { measure: 'choosing', metric: 'kibibytesPerIdentity' },
        digits: 1,
      },
      {
        heading: 'loading, ms',
        figure: { measure: 'choosing', metric: 'loadMilliseconds' },
        digits: 0,
      },
    ],
  },
  {
    title: 'wrap: CPU microseconds for each connection',
    note: 'Of the program and of `wrap`, which hands the connection over to the daemon, beside the same program without TLS; what the daemon does is not in it.',
    columns: [
      { heading: 'direct', figure: { measure: 'wrap', metric: 'directMicroseconds' }, digits: 0 },
      { heading: 'wrapped', figure: { measure: 'wrap', metric: 'wrappedMicroseconds' }, digits: 0 },
      {
        heading: 'overhead',
        figure: { measure: 'wrap', metric: 'overheadMicroseconds' },
        digits: 0,
      },
    ],
  },
  {
    title: 'Start-up of the command: milliseconds',
    note: 'Median of several runs a round, and its ratio to an empty program in the same Node.',
    better: 'lower',
    columns: [
      { heading: 'ms', figure: { measure: 'start-up', metric: 'milliseconds' }, digits: 0 },
      {
        heading: '× bare Node',
        figure: { measure: 'start-up', metric: 'ratioToBareNode' },
        digits: 1,
      },
    ],
  },
];
