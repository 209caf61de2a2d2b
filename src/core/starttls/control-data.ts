import { randomUUID } from 'node:crypto';
import type { StartTlsRequest } from '../../client/index.ts';
import type { TlsRole } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import type { Attendance, DataOrder, DataPlace, DataPlaces } from './data-transfer.ts';
import type { DataStep } from './step.ts';

/** The data connections of one control connection of FTP, one after the other; any other protocol has none. */
export class ControlData implements Disposable {
  readonly #places: DataPlaces;
  readonly #attendance: Attendance;
  #place: DataPlace | undefined;
  #scope: string | undefined;

  constructor(places: DataPlaces, program: TlsRole) {
    this.#places = places;
    this.#attendance = places.attend(program);
  }

  /**
   * What the session of the control connection is to be asked for with: whoever resumes it on a data connection is who
   * has this control connection, and not another one from the same address (RFC 4217 section 10.2).
   */
  bind(): Pick<StartTlsRequest, 'resumptionScope'> {
    this.#scope = randomUUID();
    return { resumptionScope: this.#scope };
  }

  /** @throws TlspoolError if the control connection was not bound */
  open(order: Omit<DataOrder, 'scope'>): DataPlace {
    if (this.#scope === undefined) {
      throw new TlspoolError('internal', 'the control connection binds no data connections');
    }
    this.#place?.close();
    this.#place = this.#places.open({ ...order, scope: this.#scope });
    return this.#place;
  }

  step({ wait }: DataStep): void {
    if (wait === 'data-begin') this.#place?.begin();
    else if (wait === 'data-asked') this.#attendance.asked();
    else this.#attendance.answered();
  }

  /** What flows already goes on. */
  [Symbol.dispose](): void {
    this.#place?.close();
    this.#attendance[Symbol.dispose]();
  }
}
