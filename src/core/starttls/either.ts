import type { Talk } from './dialog.ts';
import type { Side, Talking } from './step.ts';

/**
 * The next line of whichever side has one first, without its end. When one side says no more, so hears the other, which may
 * go on: half-closed connections stay so.
 */
export function* eitherLine(talk: Talk, longest?: number): Talking<{ from: Side; line: string }> {
  for (;;) {
    for (const from of sides) {
      const line = talk[from].lineNow(longest);
      if (line !== undefined) return { from, line };
    }
    if (talk.program.isOver) talk.peer.finish();
    if (talk.peer.isOver) talk.program.finish();
    const open = sides.filter((side) => !talk[side].isOver);
    if (open.length === 0) talk.peer.requireOpen();
    yield { wait: 'bytes', sides: open };
  }
}

const sides: readonly Side[] = ['program', 'peer'];
