import { randomBytes } from 'node:crypto';
import { closeFd } from '../engine/sockets.ts';
import { foldAscii } from '../identity/domain-name.ts';
import { isDonai, parseSelector } from '../identity/selector.ts';
import { PoolError, PosixError } from '../protocol/errors.ts';
import type { ClearTextQuestion, ProgramQuestion } from '../protocol/extension.ts';
import { requireProgram } from '../session/admission.ts';
import { admitClear } from '../session/clear-text.ts';
import { factsOf } from '../session/facts.ts';
import { programOf } from '../session/program.ts';
import { superfluousSocket } from '../session/renewal-request.ts';
import type { Services } from '../session/services.ts';
import { Session, type SessionKeeper } from '../session/session.ts';
import { readStartTls, type StartTlsRequest } from '../session/start-tls-request.ts';
import type { Connection, RawStartTls } from './connection.ts';
import { Ctlkeys, type Registered } from './ctlkeys.ts';

export interface SessionLimits {
  readonly maxSessions: number;
  readonly handshakeTimeout: number;
}

/** All sessions of a pool: who they belong to, and how they are found. */
export class Sessions {
  readonly #services: Services;
  readonly #limits: () => SessionLimits;
  readonly #ctlkeys = new Ctlkeys<Session, Connection>();
  /** In the order of their requests, with the keys that only programs know. */
  readonly #all = new Map<Session, Registered<Session, Connection>>();
  readonly #keeper: SessionKeeper = {
    established: (session, detached) => this.#established(session, detached),
    ended: (session) => this.#ended(session),
  };
  /** Sets the ids of this run apart from those of others in the same log. */
  readonly #run = randomBytes(3).toString('hex');
  #count = 0;
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(services: Services, limits: () => SessionLimits) {
    this.#services = services;
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /** How many were ever asked for. */
  get total(): number {
    return this.#count;
  }

  /** The descriptor is taken over, also when it throws: that is the answer then. */
  start(connection: Connection, raw: RawStartTls): void {
    try {
      this.#start(connection, raw);
    } catch (error) {
      if (raw.fd !== undefined) closeFd(raw.fd);
      throw error;
    }
  }

  #start(connection: Connection, { requestId, message, fd, options }: RawStartTls): void {
    const limits = this.#limits();
    const request = readStartTls(requestId, message, options, limits);
    if (request.renegotiate) {
      this.#renew(connection, request, fd);
      return;
    }
    if (fd === undefined) {
      throw new PoolError('CIPHER_SOCKET_NEEDED', 'the request brought no socket to speak TLS on');
    }
    this.#requireRoom(limits);
    const id = `${this.#run}-${(++this.#count).toString(36)}`;
    const program = connection.programs.program(request.process, request.role);
    const facts = factsOf(id, request, fd, program, programOf(connection.peer));
    const session = new Session(facts, request, fd, connection, this.#services, this.#keeper);
    this.#all.set(session, this.#ctlkeys.register(message.ctlkey, session, connection));
    session.start();
  }

  /** @throws PoolError RENOGIATE_NOT_FOUND and others */
  #renew(connection: Connection, request: StartTlsRequest, fd: number | undefined): void {
    if (fd !== undefined) {
      throw superfluousSocket();
    }
    this.#toRenew(connection, request).renew(request, connection);
  }

  #toRenew(connection: Connection, { message }: StartTlsRequest): Session {
    try {
      return this.attached(message.ctlkey, connection);
    } catch (error) {
      if (!(error instanceof PoolError)) throw error;
      throw new PoolError('RENOGIATE_NOT_FOUND', 'no session of this connection has this ctlkey');
    }
  }

  /**
   * May a process act as these local identities? Selectors are judged when a session shows one of their names.
   * @throws PosixError EACCES, ESRCH
   */
  async judge(connection: Connection, question: ProgramQuestion): Promise<void> {
    const { process, role, localIds } = question;
    const program = connection.programs.judge(process);
    await this.#services.knowledge.refresh();
    const names = localIds.map(parseSelector).filter(isDonai);
    for (const name of names.length === 0 ? [undefined] : names) {
      requireProgram(this.#services, { id: `process-${process.pid}`, role, program }, name);
    }
  }

  /**
   * May a client of that process stay in the clear? It is nobody then, and our first identity is who it has to do with.
   * @throws PosixError EACCES, ENOENT, ESRCH
   */
  async admitClear(connection: Connection, question: ClearTextQuestion): Promise<void> {
    const { localIds, clientAddress: peerAddress } = question;
    const service = foldAscii(question.service);
    const program = connection.programs.program(question.process, 'server');
    await this.#services.knowledge.refresh();
    const id = `${this.#run}-${(++this.#count).toString(36)}`;
    const facts = {
      id,
      role: 'server' as const,
      service,
      peerAddress,
      openedAt: Date.now(),
      program,
    };
    admitClear(this.#services, facts, localIds);
  }

  /** The session, if it belongs to the connection. @throws PoolError */
  attached(ctlkey: Buffer, connection: Connection): Session {
    return this.#ctlkeys.attached(ctlkey, connection);
  }

  detach(ctlkey: Buffer, connection: Connection): void {
    this.#ctlkeys.detach(ctlkey, connection);
  }

  /**
   * Whoever may not act as its local identity by the rules of now may not take a session over either.
   * @returns undefined: it is done, as the rules were up to date
   */
  reattach(ctlkey: Buffer, connection: Connection): Promise<void> | undefined {
    const refreshed = this.#services.knowledge.refresh();
    if (refreshed !== undefined) return refreshed.then(() => this.#reattach(ctlkey, connection));
    this.#reattach(ctlkey, connection);
    return undefined;
  }

  #reattach(ctlkey: Buffer, connection: Connection): void {
    // Whoever has gone meanwhile would keep it for ever.
    if (!connection.isOpen) throw new PoolError('CLIENT_DISCONNECT', 'the program went away');
    const program = programOf(connection.peer);
    const session = this.#ctlkeys.detached(ctlkey);
    const { id, role } = session?.facts ?? { id: '', role: 'client' as const };
    requireProgram(this.#services, { id, role, program }, session?.actsAs);
    this.#ctlkeys.reattach(ctlkey, connection);
    session?.takeOver(program);
  }

  /** The connection that asked for it does not want it any more; nothing happens if it is set up, or over. */
  withdraw(ctlkey: Buffer, connection: Connection): void {
    this.#ctlkeys.pending(ctlkey, connection)?.withdraw();
  }

  /** What belonged to the connection ends, except for sessions that were forked. */
  disconnected(connection: Connection): void {
    for (const session of this.#ctlkeys.disown(connection)) {
      if (session.running === undefined) session.abandon();
      else if (!session.fork) session.end('drain');
    }
  }

  *list(): Iterable<{ readonly session: Session; readonly attached: boolean }> {
    for (const [session, { owner }] of this.#all) yield { session, attached: owner !== undefined };
  }

  /** Those of these numbers of the engine's that are being set up, in the order of the numbers. */
  byEngineId(ids: readonly number[]): Session[] {
    if (ids.length === 0) return [];
    const wanted = new Set(ids);
    return [...this.#all.keys()].filter(
      ({ engineId }) => engineId !== undefined && wanted.has(engineId),
    );
  }

  find(id: string): Session | undefined {
    for (const session of this.#all.keys()) if (session.facts.id === id) return session;
    return undefined;
  }

  /** No new ones; resolves when the last one has ended. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#all.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#emptied = resolve;
    });
  }

  endAll(how: 'drain' | 'abort'): void {
    for (const session of [...this.#all.keys()]) session.end(how);
  }

  #requireRoom({ maxSessions }: SessionLimits): void {
    if (this.#draining) throw new PosixError('ECANCELED', 'the pool is being stopped');
    if (this.#all.size < maxSessions) return;
    throw new PosixError(
      'EAGAIN',
      `the pool has ${maxSessions} sessions, which is its limit`,
      'Try later, or raise max_sessions.',
    );
  }

  #established(session: Session, detached: boolean): void {
    const registered = this.#all.get(session);
    if (registered !== undefined) this.#ctlkeys.establish(registered, detached);
  }

  #ended(session: Session): void {
    const registered = this.#all.get(session);
    this.#all.delete(session);
    if (registered !== undefined) this.#ctlkeys.release(registered);
    if (this.#all.size === 0) this.#emptied?.();
  }
}
