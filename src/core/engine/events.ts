import { TlspoolError } from '../errors.ts';
import { loadNative } from './native.ts';
import type {
  CourierEvent,
  DepartureEvent,
  EngineEvent,
  SupervisorEvent,
  TokenEvent,
} from './types.ts';

interface EventFunctions {
  onEvents(listener: (events: EngineEvent[]) => void): void;
  refEvents(): void;
  unrefEvents(): void;
}

type SessionEvent = Exclude<
  EngineEvent,
  TokenEvent | SupervisorEvent | CourierEvent | DepartureEvent | { type: 'answer' }
>;
type Answer = Extract<EngineEvent, { type: 'answer' }>;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The one stream of events out of the addon, given to those whom they are for. */
export class EngineEvents {
  static #only: EngineEvents | undefined;

  readonly #native: EventFunctions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #tokenListeners: ((event: TokenEvent) => void)[] = [];
  readonly #supervisorListeners = new Set<(event: SupervisorEvent) => void>();
  readonly #courierListeners = new Set<(event: CourierEvent) => void>();
  readonly #departureListeners = new Set<(event: DepartureEvent) => void>();
  #roundListeners: (() => void)[] = [];
  #lastRequest = 0;
  #holds = 0;

  /** Who hears of sessions. */
  onSession: (event: SessionEvent) => void = () => {};

  static instance(): EngineEvents {
    EngineEvents.#only ??= new EngineEvents();
    return EngineEvents.#only;
  }

  private constructor() {
    this.#native = loadNative<EventFunctions>();
    this.#native.onEvents((events) => this.#deliver(events));
    this.#native.unrefEvents();
  }

  onToken(listener: (event: TokenEvent) => void): void {
    this.#tokenListeners.push(listener);
  }

  /** @returns how to hear no more */
  onSupervisor(listener: (event: SupervisorEvent) => void): () => void {
    this.#supervisorListeners.add(listener);
    return () => this.#supervisorListeners.delete(listener);
  }

  /** @returns how to hear no more */
  onCourier(listener: (event: CourierEvent) => void): () => void {
    this.#courierListeners.add(listener);
    return () => this.#courierListeners.delete(listener);
  }

  /** @returns how to hear no more */
  onDeparture(listener: (event: DepartureEvent) => void): () => void {
    this.#departureListeners.add(listener);
    return () => this.#departureListeners.delete(listener);
  }

  /** Starts something that is answered by an event with the number given. */
  request<Value>(start: (request: number) => void): Promise<Value> {
    const number = ++this.#lastRequest;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
    this.hold();
    try {
      start(number);
    } catch (error) {
      this.#waiting.delete(number);
      this.release();
      throw error;
    }
    return answer as Promise<Value>;
  }

  /** Resolves after the next events were delivered. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#roundListeners.push(resolve));
  }

  /** While there is something to wait for, waiting keeps the process alive. */
  hold(): void {
    if (this.#holds++ === 0) this.#native.refEvents();
  }

  release(): void {
    if (--this.#holds === 0) this.#native.unrefEvents();
  }

  #deliver(events: EngineEvent[]): void {
    const failures: unknown[] = [];
    for (const event of events) {
      // One listener's failure must not cost the others their events.
      try {
        this.#dispatch(event);
      } catch (error) {
        failures.push(error);
      }
    }
    const listeners = this.#roundListeners;
    this.#roundListeners = [];
    for (const listener of listeners) listener();
    for (const failure of failures) {
      queueMicrotask(() => {
        throw failure;
      });
    }
  }

  #dispatch(event: EngineEvent): void {
    if (event.type === 'answer') this.#answer(event);
    else if (event.type === 'token') for (const listener of this.#tokenListeners) listener(event);
    else if (event.type === 'supervisor') {
      for (const listener of this.#supervisorListeners) listener(event);
    } else if (event.type === 'courier') {
      for (const listener of this.#courierListeners) listener(event);
    } else if (event.type === 'departures') {
      for (const listener of this.#departureListeners) listener(event);
    } else this.onSession(event);
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.request);
    if (!waiting) return;
    this.#waiting.delete(answer.request);
    this.release();
    if (answer.error === undefined) waiting.resolve(answer.value);
    else waiting.reject(new TlspoolError(answer.code ?? 'engine-failed', answer.error));
  }
}
