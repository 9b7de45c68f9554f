import type { CalendarPart } from '../../../config/definition/series.js';
import type { KernelHooks } from '../../types.js';
import { demand, PROGRESS_ROWS, type RowRange, rowRange, sharedFloat64 } from '../geo/arrays.js';
import { DAY, type ZoneOffsets, zoneOffsets } from './zones.js';

export interface CalendarField {
  part: CalendarPart;
  wave?: 'sin' | 'cos';
  /** Of the wave, in units of the part. */
  period?: number;
}

export interface CalendarInput extends RowRange {
  /** Milliseconds since the epoch, UTC; what has no date (NaN, an infinity, 200,000 years from now or more) gives NaN. */
  time: Float64Array;
  zone: string;
  /** A country or a part of one, where a field is `holiday`. */
  holidays?: string;
  fields: CalendarField[];
}

/** Years beyond which the calendars of places mean nothing, and a wrong stamp would cost much time. */
const YEARS = [1900, 2200] as const;

/**
 * What the clock and the calendar of a zone say of each time: one array a field. Hours and minutes run from 0, days, months
 * and days of the year from 1, weekdays from Monday 0; weekend and holiday are 0 or 1. A wave is the sine or cosine of a part
 * over its period. Where the clock shows an hour twice, both have its number.
 */
export async function calendar(input: CalendarInput, hooks: KernelHooks = {}): Promise<Float64Array[]> {
  const { time, zone, fields } = input;
  const [from, to] = rowRange(input, time.length);
  const out = fields.map(() => sharedFloat64(to - from));
  const local = localTime(time, zone, from, to);
  const days = fields.some(({ part }) => part === 'holiday')
    ? await holidaysOver(local, input.holidays)
    : new Set<number>();
  const parts = fields.map(({ part }) => partOf(part, days));
  const waves = fields.map(waveOf);
  for (let k = 0; k < fields.length; k++) {
    const part = parts[k];
    const wave = waves[k];
    const values = out[k];
    for (let row = from; row < to; row++) {
      const at = local[row - from];
      values[row - from] = hasDate(at) ? wave(part(at)) : Number.NaN;
      if (row % PROGRESS_ROWS === 0) hooks.onProgress?.(row - from);
    }
  }
  return out;
}

/** Each time as the clock there shows it, written as if it were UTC. */
function localTime(time: Float64Array, zone: string, from: number, to: number): Float64Array {
  const local = time.slice(from, to);
  if (zone === 'UTC') return local;
  const [early, late] = YEARS.map((year) => Date.UTC(year, 0, 1)) as [number, number];
  let first = late;
  let last = early;
  for (const at of local) {
    if (at > last) last = at;
    if (at < first) first = at;
  }
  if (first > last) return local;
  const offsets = zoneOffsets(zone, Math.max(early, first), Math.min(late, last));
  let now = 0;
  for (let row = 0; row < local.length; row++) {
    if (!hasDate(local[row])) continue;
    now = placeOf(offsets, local[row], now);
    local[row] += offsets.offset[now];
  }
  return local;
}

/** Whether a time is one that `Date` knows. */
const hasDate = (at: number): boolean => Math.abs(at) <= 8.64e15;

/** The last change of clocks at or before an instant; times mostly stand in order, so the place of the one before is near. */
function placeOf({ from }: ZoneOffsets, instant: number, guess: number): number {
  let place = guess;
  while (from[place] > instant) place--;
  while (place + 1 < from.length && from[place + 1] <= instant) place++;
  return place;
}

const mod = (value: number, by: number): number => value - by * Math.floor(value / by);

/** Monday 0; 1 January 1970 was a Thursday. */
const weekdayOf = (at: number): number => mod(Math.floor(at / DAY) + 3, 7);

function partOf(part: CalendarPart, holidays: ReadonlySet<number>): (at: number) => number {
  switch (part) {
    case 'minute':
      return (at) => mod(Math.floor(at / 60_000), 60);
    case 'hour':
      return (at) => mod(Math.floor(at / 3_600_000), 24);
    case 'weekday':
      return weekdayOf;
    case 'weekend':
      return (at) => Number(weekdayOf(at) >= 5);
    case 'holiday':
      return (at) => Number(holidays.has(Math.floor(at / DAY)));
    default:
      return byDay(part);
  }
}

/** Dates are worked out once a day. */
function byDay(part: 'day' | 'month' | 'year' | 'yearday'): (at: number) => number {
  let day = Number.NaN;
  let value = Number.NaN;
  return (at) => {
    const now = Math.floor(at / DAY);
    if (now === day) return value;
    day = now;
    const date = new Date(now * DAY);
    if (part === 'day') value = date.getUTCDate();
    else if (part === 'month') value = date.getUTCMonth() + 1;
    else if (part === 'year') value = date.getUTCFullYear();
    else value = now - Date.UTC(date.getUTCFullYear(), 0, 1) / DAY + 1;
    return value;
  };
}

/** Holidays of all years that the times are of. */
async function holidaysOver(local: Float64Array, place: string | undefined): Promise<ReadonlySet<number>> {
  demand(place !== undefined, 'holidays of no place');
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const at of local) {
    if (!hasDate(at)) continue;
    if (at < first) first = at;
    if (at > last) last = at;
  }
  if (first > last) return new Set();
  const yearOf = (at: number): number => Math.min(YEARS[1], Math.max(YEARS[0], new Date(at).getUTCFullYear()));
  // Loaded where it is wanted: it is large, and other kernels begin without it.
  const { publicHolidays } = await import('./holidays.js');
  return publicHolidays(place, yearOf(first), yearOf(last));
}

function waveOf({ wave, period }: CalendarField): (value: number) => number {
  if (wave === undefined) return (value) => value;
  demand(period !== undefined && period > 0, 'a wave without a period');
  const turn = (2 * Math.PI) / period;
  // Parts are whole numbers below 367: each wave is worked out once.
  const of = wave === 'sin' ? Math.sin : Math.cos;
  const known = Float64Array.from({ length: 367 }, (_, value) => of(turn * value));
  return (value) => known[value];
}
