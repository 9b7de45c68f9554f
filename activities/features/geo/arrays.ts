import { GeorefreshError } from '../../../config/errors.js';

/** Half-open range of the rows asked for, so that a caller can spread one table over several threads. */
export interface RowRange {
  /** First row, default 0. */
  from?: number;
  /** One past the last row, default the number of rows. */
  to?: number;
}

/** Rows between two calls of a progress hook. */
export const PROGRESS_ROWS = 4096;

/** A zeroed array over shared memory, so that it crosses threads without a copy. */
export const sharedFloat64 = (length: number): Float64Array =>
  new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));

/** A zeroed array over shared memory, so that it crosses threads without a copy. */
export const sharedInt32 = (length: number): Int32Array =>
  new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));

/** Refuses a kernel call whose arguments do not fit together (GR-3009); the caller is at fault, never the data. */
export function demand(holds: boolean, detail: string): asserts holds {
  if (!holds) throw new GeorefreshError('GR-3009', detail);
}

/** Checks that all columns have one length, and returns it. */
export function sameLength(columns: Record<string, { length: number } | undefined>): number {
  const given = Object.entries(columns).filter(
    (entry): entry is [string, { length: number }] => entry[1] !== undefined,
  );
  const rows = given[0]?.[1].length ?? 0;
  demand(
    given.every(([, column]) => column.length === rows),
    `columns differ in length: ${given.map(([name, column]) => `${name} ${column.length}`).join(', ')}`,
  );
  return rows;
}

/** The range of rows asked for, checked against the number of rows there are. */
export function rowRange({ from = 0, to }: RowRange, rows: number): [from: number, to: number] {
  const end = to ?? rows;
  const whole = Number.isInteger(from) && Number.isInteger(end);
  demand(whole && from >= 0 && from <= end && end <= rows, `rows ${from} to ${end} of ${rows}`);
  return [from, end];
}
