import { readFileSync } from 'node:fs';

/** Those that ask a program to end. */
export const endingSignals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;
/** Those that mean something else to it. */
const otherSignals = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;
/** A terminal sends these to every process in its foreground by itself. */
const terminalSignals: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH']);

/** Brings signals of ours to `receive` until the handle is disposed of. */
export function forwardSignals(receive: (signal: NodeJS.Signals) => void): Disposable {
  const forward = (signal: NodeJS.Signals) => {
    if (terminalSignals.has(signal) && inForeground()) return;
    receive(signal);
  };
  const signals = [...endingSignals, ...otherSignals];
  for (const signal of signals) process.on(signal, forward);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, forward);
    },
  };
}

/**
 * Whether a terminal has our process group in its foreground: the program, which is in the same group, got
 * the terminal's signal too, and would take a second one for impatience. proc_pid_stat(5): fields after the
 * parenthesised name are state, ppid, pgrp, session, tty_nr, tpgid.
 */
function inForeground(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return terminal !== '0' && group === foreground;
}
