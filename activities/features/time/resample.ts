import { GeorefreshError } from '../../../config/errors.js';
import type { KernelHooks } from '../../types.js';
import { demand, sameLength, sharedFloat64, sharedInt32 } from '../geo/arrays.js';
import { progressOf } from './series.js';

export interface ResampleInput {
  /** Series of each interval, 0 … series − 1. */
  group: Int32Array;
  series: number;
  /** Milliseconds; an interval is [from, to). */
  from: Float64Array;
  to: Float64Array;
  /** Length of a bucket, milliseconds. */
  every: number;
  /** Amounts that are spread evenly over their intervals. */
  amounts: Float64Array[];
  /** Times that are counted by bucket, milliseconds. */
  begins: Float64Array[];
}

/**
 * The grid: buckets of each series from the first with an amount to the last, series by series, in order of time. A series
 * all of whose amounts are 0 has those from its first interval to its last.
 */
export interface Resampled {
  group: Int32Array;
  /** Beginning of the bucket, milliseconds. */
  time: Float64Array;
  amounts: Float64Array[];
  begins: Float64Array[];
  /** Intervals that meet the bucket. */
  active: Float64Array;
  /** Intervals without an end or an amount, or that end before they begin: they are in no bucket. */
  leftOut: number;
}

/** A grid of so many buckets takes some gigabytes, and one wrong stamp makes more. */
const MOST_BUCKETS = 20_000_000;
/** Buckets that intervals may meet in all: the work there is. */
const MOST_MEETINGS = 500_000_000;

/**
 * Spreads amounts of intervals over the buckets that they meet, by the share of their time in each; an interval of no length
 * lies whole in the bucket of its beginning. What is spread adds up to the amount but for rounding. Buckets between the first
 * and the last of a series that nothing meets hold 0. Throws GR-3007 where the grid would be too large.
 */
export function resample(input: ResampleInput, hooks: KernelHooks = {}): Resampled {
  const { group, series, from, to, every, amounts, begins } = input;
  const rows = sameLength({ group, from, to });
  for (const column of [...amounts, ...begins]) demand(column.length === rows, 'columns differ in length');
  demand(every > 0, `buckets of ${every} ms`);
  const fits = (row: number): boolean =>
    from[row] <= to[row] &&
    Number.isFinite(from[row]) &&
    Number.isFinite(to[row]) &&
    amounts.every((values) => Number.isFinite(values[row]));
  const firstOf = (row: number): number => Math.floor(from[row] / every);
  /** The last bucket that an interval meets: one that ends where a bucket begins does not meet it. */
  const lastOf = (row: number): number => Math.max(firstOf(row), Math.ceil(to[row] / every) - 1);

  const first = new Float64Array(series).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(series).fill(Number.NEGATIVE_INFINITY);
  const idle = { first: first.slice(), last: last.slice() };
  let leftOut = 0;
  let meetings = 0;
  for (let row = 0; row < rows; row++) {
    if (!fits(row)) {
      leftOut++;
      continue;
    }
    meetings += lastOf(row) - firstOf(row) + 1;
    const range = amounts.every((values) => values[row] === 0) ? idle : { first, last };
    const s = group[row];
    range.first[s] = Math.min(range.first[s], firstOf(row));
    range.last[s] = Math.max(range.last[s], lastOf(row));
  }
  for (let s = 0; s < series; s++) if (last[s] < first[s]) [first[s], last[s]] = [idle.first[s], idle.last[s]];
  const start = new Float64Array(series + 1);
  for (let s = 0; s < series; s++) start[s + 1] = start[s] + (last[s] >= first[s] ? last[s] - first[s] + 1 : 0);
  const buckets = start[series];
  if (buckets > MOST_BUCKETS || meetings > MOST_MEETINGS)
    throw new GeorefreshError(
      'GR-3007',
      `${buckets} buckets of ${every / 1000} s, ${meetings} times met by an interval; a wrong time may have made them so many`,
    );

  const grid: Resampled = {
    group: sharedInt32(buckets),
    time: sharedFloat64(buckets),
    amounts: amounts.map(() => sharedFloat64(buckets)),
    begins: begins.map(() => sharedFloat64(buckets)),
    active: sharedFloat64(buckets),
    leftOut,
  };
  for (let s = 0; s < series; s++) {
    grid.group.fill(s, start[s], start[s + 1]);
    for (let at = start[s]; at < start[s + 1]; at++) grid.time[at] = (first[s] + at - start[s]) * every;
  }

  const told = progressOf(hooks);
  for (let row = 0; row < rows; row++) {
    const s = group[row];
    const shift = start[s] - first[s];
    for (let k = 0; k < begins.length; k++) {
      const bucket = Math.floor(begins[k][row] / every);
      if (bucket >= first[s] && bucket <= last[s]) grid.begins[k][bucket + shift]++;
    }
    if (!fits(row)) continue;
    const length = to[row] - from[row];
    // What lies beyond the grid has no amount.
    const end = Math.min(lastOf(row), last[s]);
    for (let bucket = Math.max(firstOf(row), first[s]); bucket <= end; bucket++) {
      const inside = Math.min(to[row], (bucket + 1) * every) - Math.max(from[row], bucket * every);
      const share = length > 0 ? inside / length : 1;
      grid.active[bucket + shift]++;
      for (let k = 0; k < amounts.length; k++) grid.amounts[k][bucket + shift] += amounts[k][row] * share;
    }
    told(1);
  }
  return grid;
}
