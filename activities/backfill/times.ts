import { type Cron, parseCron } from '../../config/definition/cron.js';
import { GeorefreshError } from '../../config/errors.js';
import { duration } from '../../config/units.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Of one backfill; hourly it is more than eleven years. */
export const MOST_TIMES = 100_000;

/**
 * The logical times of a range, ascending, both ends included, in milliseconds since the epoch: each `every` from `from`
 * on (`1d`, `6h`), `month` (the same day of each month, or its last), or the firings of a cron expression in UTC.
 *
 * GR-1001 where the range ends before it begins, `every` is none of these, or there would be more than 100,000 times.
 */
export function timesOf({ from, to, every }: { from: string; to: string; every: string }): number[] {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  if (!(first <= last)) throw new GeorefreshError('GR-1001', `the range ends at ${to}, before it begins at ${from}`);
  const times: number[] = [];
  for (const time of firings(first, last, every)) {
    times.push(time);
    if (times.length > MOST_TIMES)
      throw new GeorefreshError('GR-1001', `more than ${MOST_TIMES} times from ${from} to ${to}: give a shorter range`);
  }
  return times;
}

function* firings(first: number, last: number, every: string): Generator<number> {
  if (every === 'month') {
    for (let month = 0, time = first; time <= last; time = monthsAfter(first, ++month)) yield time;
    return;
  }
  const step = duration.safeParse(every);
  if (step.success && step.data >= MINUTE_MS) {
    for (let time = first; time <= last; time += step.data) yield time;
    return;
  }
  const cron = step.success ? 'less than a minute' : parseCron(every);
  if (typeof cron === 'string')
    throw new GeorefreshError('GR-1001', `every \`${every}\`: expected 1d, 6h, month, or a cron expression (${cron})`);
  yield* cronFirings(first, last, cron);
}

/** The same time on the same day, so many months later; the last day of shorter ones. */
function monthsAfter(first: number, months: number): number {
  const date = new Date(first);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + months, date.getUTCDate()];
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(day, lastDay)) + (first % DAY_MS);
}

function* cronFirings(
  first: number,
  last: number,
  { minutes, hours, days, months, weekdays }: Cron,
): Generator<number> {
  for (let day = Math.floor(first / DAY_MS) * DAY_MS; day <= last; day += DAY_MS) {
    const date = new Date(day);
    const fires = days.has(date.getUTCDate()) && months.has(date.getUTCMonth() + 1) && weekdays.has(date.getUTCDay());
    if (!fires) continue;
    for (let minute = 0; minute < 24 * 60; minute++) {
      const time = day + minute * MINUTE_MS;
      if (time < first || time > last) continue;
      if (hours.has(Math.floor(minute / 60)) && minutes.has(minute % 60)) yield time;
    }
  }
}
