import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cron, longestGap, parseCron } from '../../config/definition/cron.js';

const parsed = (text: string): Cron => {
  const cron = parseCron(text);
  if (typeof cron === 'string') throw new Error(cron);
  return cron;
};
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Looks at every minute. */
function slowGap(cron: Cron, days: number): number {
  let [before, longest] = [Number.NaN, 0];
  for (let at = 0; at < days * DAY; at += 60_000) {
    const time = new Date(at);
    const fires =
      cron.minutes.has(time.getUTCMinutes()) &&
      cron.hours.has(time.getUTCHours()) &&
      cron.days.has(time.getUTCDate()) &&
      cron.months.has(time.getUTCMonth() + 1) &&
      cron.weekdays.has(time.getUTCDay());
    if (!fires) continue;
    if (at - before > longest) longest = at - before;
    before = at;
  }
  return longest;
}

describe('a cron expression (S2.18)', () => {
  test('is read as cron reads it: numbers, names, ranges, steps, lists, and 7 for Sunday', () => {
    const cron = parsed('*/20 0-6/3,22 * JAN,jul-SEP 7');
    expect([...cron.minutes]).toEqual([0, 20, 40]);
    expect([...cron.hours]).toEqual([0, 3, 6, 22]);
    expect([...cron.months]).toEqual([1, 7, 8, 9]);
    expect([...cron.weekdays]).toEqual([0]);
    expect(parsed('5/20 * * * *').minutes).toEqual(new Set([5, 25, 45]));
    expect(parsed('0 0 * * 5-7').weekdays).toEqual(new Set([5, 6, 0]));
  });

  test.each([
    ['', 'five fields'],
    ['0 2 * *', 'five fields'],
    ['0 2 * * 0 2027', 'five fields'],
    ['@daily', 'five fields'],
    ['60 2 * * 0', 'from 0 to 59 as the minute, found `60`'],
    ['0 24 * * 0', 'as the hour'],
    ['0 2 0 * *', 'as the day of the month'],
    ['0 2 * 13 *', 'as the month'],
    ['0 2 * * SUNDAY', 'as the day of the week'],
    ['0 2 * * 5-1', 'as the day of the week'],
    ['*/0 2 * * 0', 'as the minute'],
    ['1- 2 * * 0', 'as the minute'],
    ['1-2-3 2 * * 0', 'as the minute'],
    ['*-5 2 * * 0', 'as the minute'],
    ['0 2 13 * 5', 'either-or'],
    ['0 2 30 2 *', 'a day that there is'],
  ])('%j is refused in words: %s', (text, words) => {
    expect(parseCron(text)).toContain(words);
  });

  test.each([
    ['0 2 * * 0', 7 * DAY],
    ['0 2 * * *', DAY],
    ['*/15 * * * *', HOUR / 4],
    ['0 9,17 * * 1-5', 64 * HOUR],
    ['0 0 1 * *', 31 * DAY],
    ['0 0 29 2 *', 1461 * DAY],
  ])('%j leaves at most %d ms between two firings', (text, gap) => {
    expect(longestGap(parsed(text))).toBe(gap);
  });

  test('leaves the gap that a look at every minute finds', () => {
    const some = (least: number, most: number) =>
      fc.uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 3 }).map(String);
    const days = fc.oneof(
      fc.record({ day: fc.constant('*'), weekday: some(0, 6) }),
      fc.record({ day: some(1, 28), weekday: fc.constant('*') }),
    );
    const crons = fc
      .tuple(some(0, 59), some(0, 23), days)
      .map(([minute, hour, { day, weekday }]) => `${minute} ${hour} ${day} * ${weekday}`);
    const property = fc.property(crons, (text) => {
      expect(longestGap(parsed(text))).toBe(slowGap(parsed(text), 120));
    });
    fc.assert(property, { numRuns: 20, seed: 4 });
  });
});
