import { stripVTControlCharacters, styleText } from 'node:util';

/**
 * Lines for people: columns as wide as their longest cell, the heading first. The last column is not padded, so
 * that long values come last. An empty list is no lines.
 */
export function tableLines<Column extends string>(
  columns: readonly Column[],
  rows: readonly Record<Column, string>[],
): string[] {
  if (rows.length === 0) return [];
  const heading = columns.map((column) => column.toUpperCase());
  const body = rows.map((row) => columns.map((column) => row[column]));
  const widths = heading.map((title, index) =>
    Math.max(width(title), ...body.map((cells) => width(cells[index] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd();
  return [styleText('bold', line(heading), { stream: process.stdout }), ...body.map(line)];
}

function width(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
