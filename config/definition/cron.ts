const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

interface Field {
  name: string;
  least: number;
  most: number;
  /** Words for the numbers from `least` on. */
  words?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12, words: MONTHS },
  // 7 is Sunday too.
  { name: 'day of the week', least: 0, most: 7, words: DAYS },
];

/** When a cron expression fires: the numbers that each of its five fields allows. Days of the week run from 0, Sunday. */
export interface Cron {
  minutes: Set<number>;
  hours: Set<number>;
  days: Set<number>;
  months: Set<number>;
  weekdays: Set<number>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** In so many days every pattern of weekdays, months and leap years has come round. */
const CYCLE_DAYS = 28 * 365 + 7;

/**
 * Reads `minute hour day month weekday` as cron does: `*`, numbers, names, ranges, steps and lists. A text says what is
 * wrong with it. That both days are restricted is refused: cron means either by it, the engine means both.
 */
export function parseCron(text: string): Cron | string {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== FIELDS.length)
    return 'expected five fields, minute hour day-of-month month day-of-week, such as `0 2 * * 0`';
  const sets: Set<number>[] = [];
  for (const [i, field] of FIELDS.entries()) {
    const set = parseField(parts[i] ?? '', field);
    if (set === undefined)
      return `expected numbers from ${field.least} to ${field.most} as the ${field.name}, found \`${parts[i]}\``;
    sets.push(set);
  }
  const [minutes, hours, days, months, weekdays] = sets as [
    ...[Set<number>, Set<number>, Set<number>],
    ...[Set<number>, Set<number>],
  ];
  if (parts[2] !== '*' && parts[4] !== '*')
    return 'expected `*` as the day of the month or as the day of the week: both together are not cron’s either-or here';
  const cron = { minutes, hours, days, months, weekdays: new Set([...weekdays].map((day) => day % 7)) };
  return firesEver(cron) ? cron : 'expected a day that there is in one of its months';
}

function parseField(text: string, { least, most, words = [] }: Field): Set<number> | undefined {
  const numberOf = (word: string): number => {
    const named = words.indexOf(word.toUpperCase());
    if (named >= 0) return least + named;
    return /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN;
  };
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [, range = '', step] = /^([^/]*)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    const [first = '', last, ...rest] = range.split('-');
    const from = first === '*' ? least : numberOf(first);
    const to = first === '*' ? most : last === undefined ? (step === undefined ? from : most) : numberOf(last);
    const by = step === undefined ? 1 : Number(step);
    const isRange = from >= least && to <= most && from <= to && by > 0;
    if (!isRange || rest.length > 0 || (first === '*' && last !== undefined)) return undefined;
    for (let value = from; value <= to; value += by) found.add(value);
  }
  return found;
}

/** A year with every date there is. */
const LEAP_YEAR = 2024;

const firesEver = ({ days, months }: Cron): boolean =>
  [...months].some((month) => Math.min(...days) <= new Date(Date.UTC(LEAP_YEAR, month, 0)).getUTCDate());

/** Times of a day in milliseconds since its beginning, ascending. */
const timesOf = ({ minutes, hours }: Cron): number[] =>
  [...hours].flatMap((hour) => [...minutes].map((minute) => hour * HOUR_MS + minute * MINUTE_MS)).sort((a, b) => a - b);

/**
 * The longest time between two firings that follow each other, in milliseconds, by a calendar without changes of the
 * clock: what was missed for so long is followed by another.
 */
export function longestGap(cron: Cron): number {
  const times = timesOf(cron);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  let longest = times.slice(1).reduce((most, time, i) => Math.max(most, time - (times[i] ?? 0)), 0);
  let before: number | undefined;
  for (let day = 0; day < CYCLE_DAYS; day++) {
    const date = new Date(day * DAY_MS);
    const fires =
      cron.days.has(date.getUTCDate()) &&
      cron.months.has(date.getUTCMonth() + 1) &&
      cron.weekdays.has(date.getUTCDay());
    if (!fires) continue;
    if (before !== undefined) longest = Math.max(longest, (day - before) * DAY_MS + first - last);
    before = day;
  }
  return longest;
}
