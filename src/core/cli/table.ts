import { stripVTControlCharacters, styleText } from 'node:util';

/** Blanks between two columns. */
const GAP = 2;
/** Blanks in front of what goes on from the line above. */
const INDENT = 2;

interface Column {
  readonly title: string;
  readonly cells: readonly string[];
  /** Of its longest cell, or its title. */
  readonly width: number;
}

/**
 * Lines for people: columns as wide as their longest cell, the heading first. The last column is not padded, so
 * that long values come last. An empty list is no lines.
 *
 * Where that is wider than the terminal, columns that say nothing are left out, and then each row takes several lines,
 * in all of which columns stand below each other. Nothing is ever cut off: what is listed is to be copied.
 *
 * @param room columns of the terminal; anything else than a terminal has lines of any length
 */
export function tableLines<Name extends string>(
  columns: readonly Name[],
  rows: readonly Record<Name, string>[],
  room = roomOf(process.stdout),
): string[] {
  if (rows.length === 0) return [];
  const all = columns.map((name) => columnOf(name, rows));
  const [first, ...others] = all;
  if (first === undefined) return [];
  const layout =
    widthOf(all) <= room ? [all] : folded([first, ...others.filter(saysSomething)], room);
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

function saysSomething({ cells }: Column): boolean {
  return cells.some((cell) => cell !== '' && cell !== '–');
}

/** As many columns on a line as there is room for, in their order. */
function folded(columns: readonly Column[], room: number): readonly (readonly Column[])[] {
  const lines: Column[][] = [];
  for (const column of columns) {
    const last = lines.at(-1);
    const indent = lines.length > 1 ? INDENT : 0;
    if (last !== undefined && indent + widthOf([...last, column]) <= room) last.push(column);
    else lines.push([column]);
  }
  return lines;
}

function widthOf(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + column.width + GAP, -GAP);
}

function linesOf(
  layout: readonly (readonly Column[])[],
  cellOf: (column: Column) => string,
): string[] {
  return layout.map((columns, index) => {
    const cells = columns.map((column) => padded(cellOf(column), column.width));
    return `${' '.repeat(index === 0 ? 0 : INDENT)}${cells.join(' '.repeat(GAP))}`.trimEnd();
  });
}

function padded(cell: string, to: number): string {
  return cell + ' '.repeat(to - width(cell));
}

function width(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
