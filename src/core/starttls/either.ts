import type { Side, Talk, Talking } from './dialog.ts';

/** The next line of whichever side has one first, without its end. */
export function* eitherLine(talk: Talk, longest?: number): Talking<{ from: Side; line: string }> {
  for (;;) {
    for (const from of sides) {
      const line = talk[from].lineNow(longest);
      if (line !== undefined) return { from, line };
    }
    talk.program.requireOpen();
    talk.peer.requireOpen();
    yield { wait: 'bytes', sides };
  }
}

const sides: readonly Side[] = ['program', 'peer'];
