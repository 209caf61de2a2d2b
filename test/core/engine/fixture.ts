/** A small PKI whose keys are in a SoftHSM token, an engine that uses them, and peers to talk to it. */
import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, Socket as NetSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import {
  type ConnectionOptions,
  type TLSSocket,
  type TlsOptions,
  connect as tlsConnect,
  createServer as tlsServer,
} from 'node:tls';
import {
  Engine,
  type EngineOptions,
  type SessionHandler,
} from '../../../src/core/engine/engine.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';
import type {
  CertificateRequestedEvent,
  ClosedEvent,
  CredentialHandle,
  EstablishedEvent,
  HelloEvent,
  OpenSession,
  SessionId,
  VerifyPeerEvent,
} from '../../../src/core/engine/types.ts';
import { NativeTokens } from '../../../src/core/token/native-tokens.ts';
import { patience, until, within } from '../../patience.ts';

const PIN = '1234';
const MODULE = '/usr/lib/softhsm/libsofthsm2.so';

export type Kind = 'p256' | 'p384' | 'ed25519' | 'rsa';

export interface Leaf {
  readonly chain: Buffer[];
  readonly certificateFile: string;
  /** The key in clear, for peers that are not ours. */
  readonly keyFile: string;
  readonly keyId: Buffer;
  readonly publicKey: Buffer;
}

const genpkey: Readonly<Record<Kind, string[]>> = {
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['-algorithm', 'ED25519'],
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
};

/** A folder with a CA, leaves and a token that holds the leaves' keys. */
export class Pki implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tlspool-engine-'));
  readonly caFile = this.file('ca.pem');
  readonly tokenUri = 'pkcs11:token=engine';
  #keys = 0;
  #native: NativeTokens | undefined;

  constructor() {
    this.#genkey('p256', 'ca.key');
    this.openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      this.file('ca.key'),
      '-subj',
      '/CN=Test CA',
      '-days',
      '30',
      '-out',
      this.caFile,
    );
    writeFileSync(
      this.file('softhsm2.conf'),
      `directories.tokendir = ${this.folder}\nobjectstore.backend = file\n`,
    );
    this.#softhsm('--init-token', '--free', '--label', 'engine', '--so-pin', PIN, '--pin', PIN);
  }

  /** What it takes to log in to the token. */
  get token(): { module: string; softhsmConf: string; label: string; pin: string } {
    return { module: MODULE, softhsmConf: this.file('softhsm2.conf'), label: 'engine', pin: PIN };
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  openssl(...args: string[]): string {
    return execFileSync('openssl', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: patience,
    });
  }

  ca(): Buffer {
    return der(this.caFile);
  }

  /** A certificate for `name`, whose key is also put into the token. */
  leaf(kind: Kind, name: string, extensions: readonly string[] = []): Leaf {
    const base = `leaf${++this.#keys}`;
    const keyFile = this.#genkey(kind, `${base}.key`);
    const certificateFile = this.file(`${base}.pem`);
    const csr = this.file(`${base}.csr`);
    const extensionFile = this.file(`${base}.ext`);
    writeFileSync(
      extensionFile,
      [`subjectAltName=${name.includes('@') ? 'email' : 'DNS'}:${name}`, ...extensions].join('\n'),
    );
    this.openssl('req', '-new', '-key', keyFile, '-subj', '/CN=leaf', '-out', csr);
    this.openssl(
      'x509',
      '-req',
      '-in',
      csr,
      '-CA',
      this.caFile,
      '-CAkey',
      this.file('ca.key'),
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      extensionFile,
      '-out',
      certificateFile,
    );
    const keyId = Buffer.from([this.#keys]);
    this.#softhsm(
      '--import',
      keyFile,
      '--token',
      'engine',
      '--label',
      base,
      '--id',
      keyId.toString('hex').padStart(2, '0'),
      '--pin',
      PIN,
    );
    const publicFile = this.file(`${base}.pub`);
    this.openssl('pkey', '-in', keyFile, '-pubout', '-out', publicFile);
    return {
      chain: [der(certificateFile)],
      certificateFile,
      keyFile,
      keyId,
      publicKey: der(publicFile),
    };
  }

  /** The leaf's key, used through the token. */
  async credential(engine: Engine, leaf: Leaf): Promise<CredentialHandle> {
    if (!this.#native) {
      this.#native = new NativeTokens();
      this.#native.loadModule({ path: MODULE, softhsmConf: this.file('softhsm2.conf') });
      this.#native.openToken({ uri: this.tokenUri, label: 'engine' });
      await this.#native.login(this.tokenUri, Buffer.from(PIN), {
        repeatable: true,
        patient: false,
      });
    }
    const key = this.#native.createKey({
      token: this.tokenUri,
      id: leaf.keyId,
      publicKey: leaf.publicKey,
    });
    return engine.createCredential({ chain: leaf.chain, key });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }

  #genkey(kind: Kind, name: string): string {
    this.openssl('genpkey', ...genpkey[kind], '-out', this.file(name));
    return this.file(name);
  }

  #softhsm(...args: string[]): void {
    execFileSync('softhsm2-util', args, {
      stdio: 'ignore',
      timeout: patience,
      env: { ...process.env, SOFTHSM2_CONF: this.file('softhsm2.conf') },
    });
  }
}

export function der(pemFile: string): Buffer {
  const body = readFileSync(pemFile, 'latin1').replace(/-----[^-]+-----|\s/g, '');
  return Buffer.from(body, 'base64');
}

/** Starts the engine of this test process. */
export function startEngine(options: EngineOptions = { threads: 2 }): Engine {
  return Engine.start(options);
}

export interface Observed {
  readonly id: SessionId;
  /** Resolve with the event, `established` also when it fails before, with undefined. Ask to wait: a wait has an end. */
  readonly established: Promise<EstablishedEvent | undefined>;
  readonly closed: Promise<ClosedEvent>;
}

export interface Answers {
  hello?(event: HelloEvent): void;
  certificateRequested?(event: CertificateRequestedEvent): void;
  verifyPeer?(event: VerifyPeerEvent): void;
  established?(event: EstablishedEvent): void;
}

/** Opens a session; what it tells can be awaited. */
export function open(
  engine: Engine,
  session: Partial<OpenSession> & Pick<OpenSession, 'fd' | 'role'>,
  answers: Answers = {},
): Observed {
  let established: (event: EstablishedEvent | undefined) => void = () => {};
  let closed: (event: ClosedEvent) => void = () => {};
  const establishedPromise = new Promise<EstablishedEvent | undefined>((resolve) => {
    established = resolve;
  });
  const closedPromise = new Promise<ClosedEvent>((resolve) => {
    closed = resolve;
  });
  const handler: SessionHandler = {
    ...answers,
    established(event) {
      answers.established?.(event);
      established(event);
    },
    closed(event) {
      established(undefined);
      closed(event);
    },
  };
  const id = engine.open(
    {
      handshakeTimeout: patience,
      idleTimeout: 0,
      local: { credentials: [] },
      alpn: [],
      peer: 'ignore',
      ...session,
    },
    handler,
  );
  return {
    id,
    get established() {
      return within('the end of the handshake', establishedPromise);
    },
    get closed() {
      return within('the end of the session', closedPromise);
    },
  };
}

/** The program's end of a plaintext pair, and the number to give to the engine. */
export function plaintext(): { fd: number; program: Socket } {
  const [ours, theirs] = sockets.socketPair();
  return { fd: theirs, program: new NetSocket({ fd: ours, allowHalfOpen: true }) };
}

export interface Listener extends Disposable {
  readonly port: number;
  /** The next connection, accepted. */
  accept(): Promise<number>;
}

export function listen(): Listener {
  const fd = sockets.listenTcp('127.0.0.1', 0);
  const port = sockets.socketAddresses(fd).local?.port ?? 0;
  const accepted = () =>
    new Promise<number>((resolve) => {
      const watch = sockets.watch(fd, { readable: true }, () => {
        const connection = sockets.accept(fd);
        if (connection === undefined) return;
        watch.close();
        resolve(connection);
      });
    });
  return {
    port,
    accept: () => within('a connection', accepted()),
    [Symbol.dispose]: () => sockets.closeFd(fd),
  };
}

/** A connected TCP pair over loopback: a Node socket, whose two directions end apart, and the descriptor for the engine. */
export async function tcpPair(): Promise<{ peer: Socket; fd: number }> {
  using listener = listen();
  const accepted = listener.accept();
  const peer = createConnection({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true });
  return { peer, fd: await accepted };
}

/** Everything until the end of the stream; the socket stays open for writing. */
export function readAll(socket: Duplex): Promise<Buffer> {
  const whole = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
  return within('the end of a stream', whole);
}

/** Sockets; other descriptors come and go with Node itself. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').filter(isSocket).length;
}

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
  } catch {
    return false; // closed meanwhile: that of the listing itself
  }
}

/** Waits until nothing is left of what was opened since `before` descriptors were open. */
export async function nothingLeft(engine: Engine, before: number): Promise<void> {
  await until('no session, job or socket left', () => {
    const { residents, parkedJobs } = engine.state();
    return residents === 0 && parkedJobs === 0 && openDescriptors() <= before;
  });
}

export interface Exchange {
  readonly session: Observed;
  readonly client: TLSSocket;
  readonly program: Socket;
}

/**
 * An engine session as server and Node's TLS client, connected over loopback. Resolves when the client is connected,
 * rejects with the client's error.
 */
export async function serve(
  engine: Engine,
  session: Partial<OpenSession>,
  client: ConnectionOptions = {},
  answers: Answers = {},
): Promise<Exchange> {
  const { peer, fd } = await tcpPair();
  const { fd: plainFd, program } = plaintext();
  const observed = open(engine, { fd, role: 'server', plainFd, ...session }, answers);
  try {
    return {
      session: observed,
      client: await connected(tlsConnect({ socket: peer, rejectUnauthorized: false, ...client })),
      program,
    };
  } catch (error) {
    program.destroy();
    await observed.closed;
    throw error;
  }
}

/** The same with a session that fails: how it ended, and the client's error. */
export async function serveInVain(
  engine: Engine,
  session: Partial<OpenSession>,
  client: ConnectionOptions = {},
  answers: Answers = {},
): Promise<{ closed: ClosedEvent; clientError: NodeJS.ErrnoException | undefined }> {
  const { peer, fd } = await tcpPair();
  const observed = open(engine, { fd, role: 'server', ...session }, answers);
  const socket = tlsConnect({ socket: peer, rejectUnauthorized: false, ...client });
  const clientError = new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    socket.on('error', resolve).on('close', () => resolve(undefined));
  });
  socket.resume().on('end', () => socket.end());
  const closed = await observed.closed;
  return { closed, clientError: await within("the client's error", clientError) };
}

export function connected(socket: TLSSocket): Promise<TLSSocket> {
  const secured = new Promise<TLSSocket>((resolve, reject) => {
    socket.on('secureConnect', () => resolve(socket)).on('error', reject);
  });
  return within("the client's handshake", secured);
}

/** Node's TLS server, with what its one connection sends and receives. */
export async function nodeServer(
  options: TlsOptions,
): Promise<{ fd: number; socket: Promise<TLSSocket>; close(): void }> {
  const server = tlsServer(options);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = new Promise<TLSSocket>((resolve, reject) => {
    server.on('secureConnection', resolve).on('tlsClientError', reject);
  });
  socket.catch(() => {});
  const { port } = server.address() as { port: number };
  return { fd: await connectedFd(port), socket, close: () => server.close() };
}

/** A descriptor connected to a port of this machine. */
export function connectedFd(port: number): Promise<number> {
  const fd = sockets.connectTcp('127.0.0.1', port);
  const connection = new Promise<number>((resolve, reject) => {
    const watch = sockets.watch(fd, { writable: true }, () => {
      watch.close();
      const error = sockets.socketError(fd);
      if (!error) return resolve(fd);
      sockets.closeFd(fd);
      reject(new Error(`connecting failed: errno ${error}`));
    });
  });
  return within('a connection', connection);
}
