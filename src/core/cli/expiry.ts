import { styleText } from 'node:util';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From this many days before the end on, something should be done about it. */
const NEAR = 30 * DAY;

/** The largest unit of which there are at least two: "in 47 hours", but "in 2 days". */
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365.25 * DAY],
  ['month', 30.44 * DAY],
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
];

const words = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** "in 3 months", "expired 2 days ago". */
export function expiryWords(end: Date, now = new Date()): string {
  const left = end.getTime() - now.getTime();
  const [unit, length] = UNITS.find(([, size]) => Math.abs(left) >= 2 * size) ?? ['minute', MINUTE];
  const text = words.format(Math.round(left / length), unit);
  return left > 0 ? text : `expired ${text.replace(/^in (0 minutes)$/, '$1 ago')}`;
}

/** The same, yellow in the last 30 days and red afterwards; colour only where stdout shows it. */
export function expiryStyled(end: Date, now = new Date()): string {
  const text = expiryWords(end, now);
  const left = end.getTime() - now.getTime();
  if (left > NEAR) return text;
  return styleText(left > 0 ? 'yellow' : 'red', text, { stream: process.stdout });
}
