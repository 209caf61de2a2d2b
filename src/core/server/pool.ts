import { setTimeout as pause } from 'node:timers/promises';
import type { OnTheFly } from '../authority/on-the-fly.ts';
import { Authorisation } from '../authz/authorisation.ts';
import { DecisionLog } from '../authz/decision-log.ts';
import { ConcernWatch } from '../concerns/concern-watch.ts';
import { groupConcerns } from '../concerns/group-concerns.ts';
import { storedConcerns } from '../concerns/stored-concerns.ts';
import { defaultSettings, type PoolSettings } from '../config/settings.ts';
import { Engine } from '../engine/engine.ts';
import { closeFd } from '../engine/sockets.ts';
import { Disclosure } from '../identity/disclosure.ts';
import { LocalIdentities } from '../identity/local-identities.ts';
import { disclose } from '../identity/stored-disclosure.ts';
import type { Remembered } from '../session/chooser.ts';
import { Credentials } from '../session/credentials.ts';
import { openStore, type Store } from '../store/store.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import type { Keyring } from '../token/keyring.ts';
import { Trust } from '../trust/trust.ts';
import { Administration } from './administration.ts';
import { Connections } from './connections.ts';
import { IdentitySeat } from './identity-seat.ts';
import { StoreKnowledge } from './knowledge.ts';
import { listenAt, lockSocket } from './listener.ts';
import { LocalAuthority } from './local-authority.ts';
import { OwnRevocations } from './own-revocations.ts';
import { PinSeat } from './pin-seat.ts';
import { openKeys, type PoolKeys } from './pool-keys.ts';
import { PoolRequests } from './requests.ts';
import { ResponderServer } from './responder-server.ts';
import { ReviewWatch } from './review-watch.ts';
import { Sessions } from './sessions.ts';
import { Stapling } from './stapling.ts';
import { waitingSessions } from './waiting-session.ts';

export interface PoolOptions {
  /** Of tlspool, for whoever asks its administration. */
  readonly version?: string | undefined;
  /** Path of the socket that programs connect to; `<socket>.admin` and `<socket>.lock` stand beside it. */
  readonly socket: string;
  /** As made by `init`. */
  readonly stateDir: string;
  readonly settings?: Partial<PoolSettings> | undefined;
  /** Nothing is told unless there is one. */
  readonly log?: Log | undefined;
  /** Nobody reaches its administration: what commands want of open sessions it reads in the store. */
  readonly isPrivate?: boolean | undefined;
}

/** The members of `seat_group` may connect. */
const SEAT_MODE = 0o660;
/** ms in which sessions that are told to end do so: the engine waits for nobody longer than two seconds. */
const GRACE = 3_000;

/**
 * Starts a pool in this process, which can have one.
 * @throws TlspoolError `no-state`, `already-running`, `socket-unusable` and others; nothing is left behind then
 */
export async function startPool(options: PoolOptions): Promise<Pool> {
  const { socket, stateDir, log = silentLog } = options;
  const settings = { ...defaultSettings, ...options.settings };
  const current = { settings };
  await using parts = new AsyncDisposableStack();

  const lock = lockSocket(socket);
  parts.defer(() => closeFd(lock));
  const store = await openStore(stateDir, 'write');
  parts.defer(() => store.close());
  const engine = Engine.start(settings.threads === undefined ? {} : { threads: settings.threads });
  parts.defer(() => engine.stop());
  const keys = await openKeys(store, settings.token, {
    log,
    askForEachSignature: settings.askForEachSignature,
  });
  parts.defer(() => keys.keyring.close());
  const trust = new Trust(store, engine, () => current.settings.validation);
  parts.defer(() => trust.close());
  const authority = await openAuthority(store, keys, settings, log, parts);
  const stapling = new Stapling({
    engine,
    responders: trust.responders,
    anchorOf: (certificate) => trust.issuerOf(certificate),
    own: async (certificate) => authority?.staple(certificate),
    log,
  });
  parts.defer(() => stapling.close());
  const credentials = new Credentials(engine, keys.keyring, log, undefined, stapling);
  parts.defer(() => credentials.close());
  const identities = new LocalIdentities(store);
  const choices = new IdentitySeat(() => identities.names('client'));
  const poolUid = process.geteuid?.() ?? -1;
  const authorisation = new Authorisation(store, () => current.settings, poolUid, log);
  parts.use(authorisation);
  const decisions = new DecisionLog(stateDir, log);
  parts.use(decisions);
  const knowledge = new StoreKnowledge({
    store,
    identities,
    disclosure: new Disclosure(store),
    trust,
    authorisation,
    revocations: new OwnRevocations(store, stapling),
  });
  await knowledge.refresh();

  const idleTimeout = (datagrams: boolean) =>
    datagrams ? current.settings.datagramIdleTimeout : current.settings.idleTimeout;
  const services = {
    engine,
    knowledge,
    credentials,
    chooser: choices,
    onTheFly: await openOnTheFly(settings, keys.keyring),
    remember: (choice: Remembered) => rememberChoice(store, choice),
    authorisation,
    decisions,
    log,
    idleTimeout,
  };
  const sessions = new Sessions(services, () => current.settings);
  parts.defer(() => endSessions(sessions));
  if (options.isPrivate === true) {
    parts.use(await ReviewWatch.start({ store, engine, sessions, authorisation, log }));
  }
  const pins = new PinSeat(keys.keyring, (ids) => waitingSessions(sessions, ids), log);
  const requests = new PoolRequests(
    { sessions, pins, choices },
    engine,
    () => current.settings,
    log,
  );
  const listener = listenAt(socket, access(settings));
  parts.defer(() => listener.removePath());
  const connections = new Connections(listener.fd, requests, settings.maxConnections, log);
  parts.defer(() => connections.close());
  if (options.isPrivate !== true) {
    parts.use(new ConcernWatch(() => storedConcerns(store.db), log));
  }
  const administration = Administration.open({
    version: options.version ?? '',
    socket,
    stateDir,
    sessions,
    connections,
    pins,
    choices,
    keyring: keys.keyring,
    seatGid: () => current.settings.seatGid,
    engine,
    authorisation,
    concerns: async () => [
      ...(await storedConcerns(store.db)),
      ...groupConcerns(await authorisation.gaps()),
    ],
    refresh: () => authorisation.refresh(),
    log,
  });
  parts.defer(() => administration.close());

  return new Pool(socket, { current, keys, sessions, connections, parts: parts.move() });
}

/** The local CA, where others are to hear of it; undefined: they are not. */
async function openAuthority(
  store: Store,
  { keyring }: PoolKeys,
  { caListen }: PoolSettings,
  log: Log,
  parts: AsyncDisposableStack,
): Promise<LocalAuthority | undefined> {
  if (caListen === undefined) return undefined;
  const authority = await LocalAuthority.open(store, keyring);
  if (authority !== undefined) parts.use(await ResponderServer.open(caListen, authority, log));
  return authority;
}

/** What makes certificates is slow to load, and few want it. */
async function openOnTheFly(
  { onTheFly }: PoolSettings,
  keyring: Keyring,
): Promise<OnTheFly | undefined> {
  if (onTheFly === undefined) return undefined;
  const { OnTheFly } = await import('../authority/on-the-fly.ts');
  return OnTheFly.open(onTheFly, keyring);
}

interface PoolParts {
  /** Settings may change while the pool runs; some take effect then. */
  readonly current: { settings: PoolSettings };
  readonly keys: PoolKeys;
  readonly sessions: Sessions;
  readonly connections: Connections;
  /** Ends what was started, in the opposite order. */
  readonly parts: AsyncDisposableStack;
}

/** A running pool. */
export class Pool {
  readonly socket: string;
  readonly #parts: PoolParts;

  /** Use `startPool`. */
  constructor(socket: string, parts: PoolParts) {
    this.socket = socket;
    this.#parts = parts;
  }

  /** PIN sources are read anew; timeouts, limits and facilities apply to what comes. */
  async reload(settings: Partial<PoolSettings> = {}): Promise<void> {
    const { current, keys } = this.#parts;
    current.settings = { ...defaultSettings, ...settings };
    await keys.reload();
  }

  /** No new connections and sessions; resolves when those that are open have ended, or after `timeout` ms. */
  async drain(timeout: number): Promise<void> {
    const { sessions, connections } = this.#parts;
    connections.stopAccepting();
    await within(timeout, sessions.drain());
  }

  /** Ends everything, and takes the socket away. Idempotent. */
  async close(): Promise<void> {
    await this.#parts.parts.disposeAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function access({ socketMode, socketUid, socketGid, seatGid }: PoolSettings) {
  if (seatGid === undefined) return { mode: socketMode, uid: socketUid, gid: socketGid };
  return { mode: socketMode | SEAT_MODE, uid: socketUid, gid: seatGid };
}

async function rememberChoice(store: Store, choice: Remembered): Promise<void> {
  const { remote, local, place, move } = choice;
  await store.transaction((transaction) => disclose(transaction, remote, local, { place, move }));
}

async function endSessions(sessions: Sessions): Promise<void> {
  sessions.endAll('drain');
  await within(GRACE, sessions.drain());
  sessions.endAll('abort');
}

async function within(timeout: number, work: Promise<void>): Promise<void> {
  const done = new AbortController();
  await Promise.race([
    work.finally(() => done.abort()),
    pause(timeout, undefined, { signal: done.signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    }),
  ]);
}
