import { stripVTControlCharacters, styleText } from 'node:util';

/** Blanks between two columns, and where room is short. */
const GAP = 2;
const NARROW_GAP = 1;
/** Blanks in front of what goes on from the line above. */
const INDENT = 2;

interface Column {
  readonly title: string;
  readonly cells: readonly string[];
  /** Of its longest cell, or its title; of what is broken into lines, their room. */
  readonly width: number;
}

interface Layout {
  /** Columns by the line of a row that they are on. */
  readonly lines: readonly (readonly Column[])[];
  readonly gap: number;
}

/**
 * Lines for people: columns as wide as their longest cell, the heading first. The last column is not padded, so
 * that long values come last. An empty list is no lines.
 *
 * Where that is wider than the terminal, columns that say nothing are left out, gaps become smaller, and at last each
 * row takes several lines, in all of which columns stand below each other. Text is broken between words; nothing is
 * ever cut off: what is listed is to be copied.
 *
 * @param room columns of the terminal; anything else than a terminal has lines of any length
 */
export function tableLines<Name extends string>(
  columns: readonly Name[],
  rows: readonly Record<Name, string>[],
  room = roomOf(process.stdout),
): string[] {
  if (rows.length === 0) return [];
  const layout = layOut(
    columns.map((name) => columnOf(name, rows)),
    room,
  );
  const heading = linesOf(layout, ({ title }) => title);
  return [
    ...heading.map((line) => styleText('bold', line, { stream: process.stdout })),
    ...rows.flatMap((_, row) => linesOf(layout, ({ cells }) => cells[row] ?? '')),
  ];
}

/** Some terminals do not know how wide they are. */
function roomOf({ isTTY, columns }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): number {
  return isTTY && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

function columnOf<Name extends string>(name: Name, rows: readonly Record<Name, string>[]): Column {
  const title = name.toUpperCase();
  const cells = rows.map((row) => row[name]);
  return { title, cells, width: Math.max(width(title), ...cells.map(width)) };
}

function layOut(columns: readonly Column[], room: number): Layout {
  if (widthOf(columns, GAP) <= room) return { lines: [columns], gap: GAP };
  const telling = columns.filter((column, index) => index === 0 || saysSomething(column));
  for (const gap of [GAP, NARROW_GAP]) {
    if (widthOf(telling, gap) <= room) return { lines: [telling], gap };
  }
  return { lines: folded(telling, room), gap: GAP };
}

function saysSomething({ cells }: Column): boolean {
  return cells.some((cell) => cell !== '' && cell !== '–');
}

/** As many columns on a line as there is room for, in their order. */
function folded(columns: readonly Column[], room: number): readonly (readonly Column[])[] {
  const lines: Column[][] = [];
  for (const column of columns) {
    const last = lines.at(-1);
    const left = last === undefined ? room : room - indentOf(lines.length - 1) - widthOf(last, GAP);
    const below = room - INDENT;
    if (last !== undefined && column.width <= left - GAP) last.push(column);
    // What fits on no line is broken where it stands, if it has room enough there.
    else if (last !== undefined && column.width > below && left > room / 2 && isText(column)) {
      last.push({ ...column, width: left - GAP });
    } else if (last !== undefined && column.width > below && isText(column)) {
      lines.push([{ ...column, width: below }]);
    } else lines.push([column]);
  }
  return lines;
}

/** Whether there are words to break it between. */
function isText({ cells }: Column): boolean {
  return cells.some((cell) => cell.includes(' '));
}

function indentOf(line: number): number {
  return line === 0 ? 0 : INDENT;
}

function widthOf(columns: readonly Column[], gap: number): number {
  return columns.reduce((sum, column) => sum + column.width + gap, -gap);
}

function linesOf({ lines, gap }: Layout, cellOf: (column: Column) => string): string[] {
  return lines.flatMap((columns, index) => {
    const indent = ' '.repeat(indentOf(index));
    const cells = columns.map((column) => padded(cellOf(column), column.width));
    const last = columns.at(-1);
    const [first = '', ...more] = last === undefined ? [] : broken(cellOf(last), last.width);
    const before = [...cells.slice(0, -1), ''].join(' '.repeat(gap));
    const hanging = indent + ' '.repeat(width(before));
    const whole = [indent + before + first, ...more.map((line) => hanging + line)];
    // Where a row has nothing to say on a further line it has none.
    return whole.map((line) => line.trimEnd()).filter((line) => index === 0 || line !== '');
  });
}

function padded(cell: string, to: number): string {
  return cell + ' '.repeat(Math.max(0, to - width(cell)));
}

/** In lines of so many characters, if they have no longer words. */
function broken(cell: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of cell.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && width(last) + 1 + width(word) <= room) {
      lines.splice(-1, 1, `${last} ${word}`);
    } else lines.push(word);
  }
  return lines;
}

function width(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
