import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CalendarField, calendar } from '../../../../activities/features/time/calendar.js';
import { publicHolidays } from '../../../../activities/features/time/holidays.js';
import { DAY } from '../../../../activities/features/time/zones.js';

const PARTS = ['minute', 'hour', 'weekday', 'day', 'month', 'yearday', 'year', 'weekend'] as const;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Parts of a time as the platform's own clock of the zone tells them. */
function clock(at: number, zone: string): number[] {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const [year, month, day] = [Number(parts.year), Number(parts.month), Number(parts.day)];
  const weekday = WEEKDAYS.indexOf(String(parts.weekday));
  const yearday = (Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1)) / DAY + 1;
  return [Number(parts.minute), Number(parts.hour), weekday, day, month, yearday, year, Number(weekday >= 5)];
}

const ask = (times: number[], zone: string, fields: CalendarField[], holidays?: string) =>
  calendar({ time: Float64Array.from(times), zone, fields, ...(holidays !== undefined && { holidays }) });

describe('the calendar', () => {
  test.each(['UTC', 'Europe/Oslo'])('says nothing of times without a date, in %s', async (zone) => {
    const times = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e17, Date.UTC(2024, 4, 17, 9)];
    const fields = [...PARTS, 'holiday' as const].map((part): CalendarField => ({ part }));
    const told = await ask(times, zone, fields, 'NO');
    for (const values of told) expect([...values].map(Number.isNaN)).toEqual([true, true, true, true, false]);
    expect(told.at(-1)?.[4]).toBe(1);
  });

  test('tells what the clocks of a zone show, changes of the clock included (S1.3)', async () => {
    const zones = [
      'UTC',
      'America/Los_Angeles',
      'Europe/Oslo',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'Pacific/Apia',
    ];
    const times = fc.array(fc.integer({ min: Date.UTC(1995, 0), max: Date.UTC(2030, 0) }), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(times, fc.constantFrom(...zones), async (all, zone) => {
        const found = await ask(
          all,
          zone,
          PARTS.map((part) => ({ part })),
        );
        for (const [row, at] of all.entries()) expect(found.map((values) => values[row])).toEqual(clock(at, zone));
      }),
      { seed: 31, numRuns: 25 },
    );
  });

  test('an hour that the clock shows twice has its number twice, one that it leaves out never', async () => {
    const hours = (from: number) => Array.from({ length: 4 }, (_, i) => from + i * 3_600_000);
    const [autumn] = await ask(hours(Date.UTC(2020, 9, 24, 23)), 'Europe/Oslo', [{ part: 'hour' }]);
    expect(Array.from(autumn ?? [])).toEqual([1, 2, 2, 3]);
    const [spring] = await ask(hours(Date.UTC(2020, 2, 29, 0)), 'Europe/Oslo', [{ part: 'hour' }]);
    expect(Array.from(spring ?? [])).toEqual([1, 3, 4, 5]);
  });

  test('waves go round once a period, and a missing time has none', async () => {
    const [sine, cosine] = (await ask([0, 6 * 3_600_000, Number.NaN], 'UTC', [
      { part: 'hour', wave: 'sin', period: 24 },
      { part: 'hour', wave: 'cos', period: 24 },
    ])) as [Float64Array, Float64Array];
    expect([sine[0], cosine[0]]).toEqual([0, 1]);
    expect(sine[1]).toBeCloseTo(1, 12);
    expect(sine[2]).toBeNaN();
  });

  test('public holidays are those of the place, by its own days', async () => {
    const fourth = Date.UTC(2019, 6, 4);
    // The 4th of July in California begins at 07:00 UTC.
    const times = [fourth + 6 * 3_600_000, fourth + 7 * 3_600_000, fourth + 30 * 3_600_000, fourth + 31 * 3_600_000];
    const [holiday] = await ask(times, 'America/Los_Angeles', [{ part: 'holiday' }], 'US-CA');
    expect(Array.from(holiday ?? [])).toEqual([0, 1, 1, 0]);
    expect(publicHolidays('NO', 2020, 2020).has(Date.UTC(2020, 4, 17) / DAY)).toBe(true);
    expect(() => publicHolidays('ZZ', 2020, 2020)).toThrow(expect.objectContaining({ code: 'GR-1003' }));
    expect(() => publicHolidays('US-QQ', 2020, 2020)).toThrow(expect.objectContaining({ code: 'GR-1003' }));
  });
});
