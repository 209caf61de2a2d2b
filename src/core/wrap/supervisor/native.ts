import { loadNative } from '../../engine/native.ts';

/** Our side of src/native/supervisor; binding.cc is the other. */
interface SupervisorFunctions {
  supervisionFilter(names: boolean): Buffer;
  supervisionProbe(
    channel: number,
    pid: number,
    fd: number,
    address: number,
    secret: number,
  ): Probe | undefined;
  supervisionStart(channel: number): number;
  supervisionForget(supervisor: number): void;
  answerTrap(supervisor: number, question: number, answer: object): void;
  privateNetworkOpen(channel: number): void;
  pathInside(accepted: number): Buffer;
  connectInside(path: Buffer): { readonly fd: number; readonly established: boolean };
  listenInside(listener: number): { readonly fd: number; readonly cookie: number };
  datagramInside(socket: number): { readonly fd: number; readonly port: number };
  nameServerInside(address: string, port: number): number;
  listensInside(listener: number): boolean;
  listenerGone(listener: number): number;
  portVacated(port: number): void;
  watchListenersInside(): number;
}

/** What a probe found missing. */
export interface Probe {
  /** A system call or a feature of one. */
  readonly capability: string;
  readonly errno: number;
}

export function nativeSupervisor(): SupervisorFunctions {
  return loadNative<SupervisorFunctions>();
}
