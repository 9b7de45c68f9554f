import { GeorefreshError } from '../../../config/errors.js';
import type { KernelHooks } from '../../types.js';
import { PROGRESS_ROWS, sameLength, sharedFloat64, sharedInt32 } from '../geo/arrays.js';

export interface OrderInput {
  /** Series of each row, 0 … series − 1. */
  group: Int32Array;
  series: number;
  /** Milliseconds. */
  time: Float64Array;
  /** Milliseconds between two steps; without it each row of a series is a step. */
  every?: number;
}

/** Rows dealt to their series, in order of time; all over shared memory. */
export interface SeriesOrder {
  /** Places start[s] … start[s + 1] − 1 are those of series s. */
  start: Int32Array;
  /** Row at each place; absent where each row is at its own place. */
  row?: Int32Array;
  /** Step of each place, ascending within a series and never twice; absent where rows of a series are one step apart. */
  step?: Float64Array;
}

/**
 * Deals rows to series and puts each in order of time. Throws GR-2105 where two rows of a series share a step, and GR-1003
 * where a row has no time: neither can stand in an order.
 */
export function orderSeries({ group, series, time, every }: OrderInput, hooks: KernelHooks = {}): SeriesOrder {
  const rows = sameLength({ group, time });
  for (let row = 0; row < rows; row++)
    if (!Number.isFinite(time[row]))
      throw new GeorefreshError('GR-1003', `row ${row + 1} has no time to stand in order of`);

  const start = sharedInt32(series + 1);
  for (let row = 0; row < rows; row++) start[group[row] + 1]++;
  for (let s = 0; s < series; s++) start[s + 1] += start[s];
  const row = isOrdered(group, time) ? undefined : dealt(group, time, start, hooks);
  if (every === undefined) {
    demandDistinct(start, (place) => time[row === undefined ? place : row[place]]);
    return { start, ...(row && { row }) };
  }
  const step = sharedFloat64(rows);
  for (let place = 0; place < rows; place++)
    step[place] = Math.floor(time[row === undefined ? place : row[place]] / every);
  demandDistinct(start, (place) => step[place]);
  // Steps without a gap say no more than their places do.
  return { start, ...(row && { row }), ...(!isDense(start, step) && { step }) };
}

/** Whether series stand one behind the other, in the order of their numbers, each in order of time. */
function isOrdered(group: Int32Array, time: Float64Array): boolean {
  for (let row = 1; row < group.length; row++) {
    if (group[row] < group[row - 1]) return false;
    if (group[row] === group[row - 1] && time[row] < time[row - 1]) return false;
  }
  return true;
}

function dealt(group: Int32Array, time: Float64Array, start: Int32Array, hooks: KernelHooks): Int32Array {
  const places = sharedInt32(group.length);
  const next = start.slice();
  for (let row = 0; row < group.length; row++) places[next[group[row]]++] = row;
  for (let s = 0; s + 1 < start.length; s++) {
    const own = places.subarray(start[s], start[s + 1]);
    if (!ascends(own, time)) own.sort((a, b) => time[a] - time[b] || a - b);
    hooks.onProgress?.(start[s + 1]);
  }
  return places;
}

function ascends(rows: Int32Array, time: Float64Array): boolean {
  for (let i = 1; i < rows.length; i++) if (time[rows[i]] < time[rows[i - 1]]) return false;
  return true;
}

function demandDistinct(start: Int32Array, at: (place: number) => number): void {
  for (let s = 0; s + 1 < start.length; s++)
    for (let place = start[s] + 1; place < start[s + 1]; place++)
      if (at(place) === at(place - 1))
        throw new GeorefreshError('GR-2105', `series ${s + 1} has two rows for one step of time`);
}

function isDense(start: Int32Array, step: Float64Array): boolean {
  for (let s = 0; s + 1 < start.length; s++)
    if (start[s + 1] > start[s] && step[start[s + 1] - 1] - step[start[s]] !== start[s + 1] - start[s] - 1)
      return false;
  return true;
}

/** Calls a hook each few thousand rows. */
export function progressOf({ onProgress }: KernelHooks): (rows: number) => void {
  let done = 0;
  let told = 0;
  return (rows) => {
    done += rows;
    if (onProgress === undefined || done - told < PROGRESS_ROWS) return;
    told = done;
    onProgress(done);
  };
}
