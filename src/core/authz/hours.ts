import { printable } from '../identity/domain-name.ts';
import { RuleError } from './rule-error.ts';

/** A time window of the week, by the clock of the machine: `mon-fri 08:00-18:00`. */
export interface Hours {
  /** The text that parses to it. */
  readonly text: string;
  /** By the day of the week, Sunday first. */
  readonly days: readonly boolean[];
  /** Minutes after midnight; an end at or before the start is on the next day. */
  readonly from: number;
  readonly until: number;
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const WHOLE_DAY = 24 * 60;

/** Days, hours, or both: `mon-fri`, `sat,sun`, `08:00-18:00`, `fri 22:00-06:00`. @throws RuleError */
export function parseHours(text: string): Hours {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const clock = words.at(-1)?.includes(':') ? words.pop() : undefined;
  const [days, ...rest] = words;
  if (rest.length > 0 || (days === undefined && clock === undefined)) throw unreadable(text);
  const [from, until] = clock === undefined ? [0, WHOLE_DAY] : parseClock(clock, text);
  const shown = [days ?? '', clock ?? ''].filter((part) => part !== '').join(' ');
  return { text: shown, days: parseDays(days, text), from, until };
}

export function isWithin({ days, from, until }: Hours, moment: number): boolean {
  const date = new Date(moment);
  const day = date.getDay();
  const minute = date.getHours() * 60 + date.getMinutes();
  const today = days[day] === true;
  if (from < until) return today && minute >= from && minute < until;
  // Through the night: the evening belongs to its own day, the morning to the day before.
  return (today && minute >= from) || (days[(day + 6) % 7] === true && minute < until);
}

function parseDays(list: string | undefined, text: string): boolean[] {
  const days = DAYS.map(() => list === undefined || list === '');
  for (const part of (list ?? '').split(',').filter((part) => part !== '')) {
    const [first = '', last = first, ...rest] = part.split('-');
    const start = DAYS.indexOf(first as (typeof DAYS)[number]);
    const end = DAYS.indexOf(last as (typeof DAYS)[number]);
    if (start < 0 || end < 0 || rest.length > 0) throw unreadable(text);
    for (let day = start; ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === end) break;
    }
  }
  return days;
}

function parseClock(clock: string, text: string): [from: number, until: number] {
  const found = /^(\d\d?):(\d\d)-(\d\d?):(\d\d)$/.exec(clock);
  if (found === null) throw unreadable(text);
  const [h1 = 0, m1 = 0, h2 = 0, m2 = 0] = found.slice(1).map(Number);
  const [from, until] = [h1 * 60 + m1, h2 * 60 + m2];
  if (m1 > 59 || m2 > 59 || from >= WHOLE_DAY || until > WHOLE_DAY) throw unreadable(text);
  return [from, until];
}

function unreadable(text: string): RuleError {
  return new RuleError(
    `“${printable(text)}” is no time of the week`,
    'Days, hours or both: `mon-fri 08:00-18:00`, `sat,sun`, `22:00-06:00`.',
  );
}
