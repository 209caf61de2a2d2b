/** A small PKI whose keys are in a SoftHSM token, an engine that uses them, and peers to talk to it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, Socket as NetSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Engine,
  type EngineOptions,
  type SessionHandler,
} from '../../../src/core/engine/engine.ts';
import { loadNative } from '../../../src/core/engine/native.ts';
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

const PIN = '1234';
const MODULE = '/usr/lib/softhsm/libsofthsm2.so';

export type Kind = 'p256' | 'p384' | 'ed25519' | 'rsa';

interface TokenFunctions {
  loadModule(options: { path: string; softhsmConf: string }): void;
  openToken(options: { uri: string; label: string }): void;
  createKey(options: { token: string; id: Buffer; publicKey: Buffer }): number;
  login(uri: string, pin: Buffer, repeatable: boolean): Promise<void>;
}

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
  #native: TokenFunctions | undefined;

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

  file(name: string): string {
    return join(this.folder, name);
  }

  openssl(...args: string[]): string {
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
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
      this.#native = loadNative<TokenFunctions>();
      this.#native.loadModule({ path: MODULE, softhsmConf: this.file('softhsm2.conf') });
      this.#native.openToken({ uri: this.tokenUri, label: 'engine' });
      await this.#native.login(this.tokenUri, Buffer.from(PIN), true);
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
  /** Resolve with the event; `established` also when it fails before, with undefined. */
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
      handshakeTimeout: 10_000,
      idleTimeout: 0,
      local: { credentials: [] },
      alpn: [],
      peer: 'ignore',
      ...session,
    },
    handler,
  );
  return { id, established: establishedPromise, closed: closedPromise };
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
  return {
    port,
    accept: () =>
      new Promise((resolve) => {
        const watch = sockets.watch(fd, { readable: true }, () => {
          const accepted = sockets.accept(fd);
          if (accepted === undefined) return;
          watch.close();
          resolve(accepted);
        });
      }),
    [Symbol.dispose]: () => sockets.closeFd(fd),
  };
}

/** A connected TCP pair over loopback: a Node socket, and the descriptor for the engine. */
export async function tcpPair(
  options: { allowHalfOpen?: boolean } = {},
): Promise<{ peer: Socket; fd: number }> {
  using listener = listen();
  const accepted = listener.accept();
  const peer = createConnection({ host: '127.0.0.1', port: listener.port, ...options });
  return { peer, fd: await accepted };
}

/** Everything until the end of the stream. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function openDescriptors(): number {
  return execFileSync('ls', [`/proc/${process.pid}/fd`], { encoding: 'utf8' }).split('\n').length;
}
