import { GeorefreshError } from '../../config/errors.js';
import type { Judged } from './metrics.js';

/** A column of the judged rows; GR-3009 where it was not handed over. */
function columnOf({ columns = {} }: Judged, name: string): Float64Array {
  const column = columns[name];
  if (column === undefined) throw new GeorefreshError('GR-3009', `metrics were not given column ${name}`);
  return column;
}

/** Mean absolute errors by series, in order of first appearance, and the first row of each. Rows of no series are left out. */
function errorsBy(
  series: Float64Array,
  target: Float64Array,
  prediction: Float64Array,
): { first: number; mae: number }[] {
  const found = new Map<number, { first: number; total: number; rows: number }>();
  for (let row = 0; row < series.length; row++) {
    const code = series[row] as number;
    if (Number.isNaN(code)) continue;
    let one = found.get(code);
    if (one === undefined) {
      one = { first: row, total: 0, rows: 0 };
      found.set(code, one);
    }
    one.total += Math.abs((target[row] as number) - (prediction[row] as number));
    one.rows++;
  }
  return Array.from(found.values(), ({ first, total, rows }) => ({ first, mae: total / rows }));
}

/**
 * Mean absolute scaled error (Hyndman & Koehler 2006) by series: each against the error of its own naive forecast in training.
 * A series whose naive forecast never erred, or was never made, has none. Undefined where no series has one.
 */
export function seriesMase(
  judged: Judged,
  { by, scale, take }: { by: string; scale: string; take: 'mean' | 'median' | 'count' },
): number {
  const scales = columnOf(judged, scale);
  const scaled = errorsBy(columnOf(judged, by), judged.target, judged.prediction).flatMap(({ first, mae }) =>
    (scales[first] as number) > 0 ? [mae / (scales[first] as number)] : [],
  );
  if (take === 'count') return scaled.length;
  if (take === 'mean') return scaled.reduce((sum, value) => sum + value, 0) / scaled.length;
  scaled.sort((a, b) => a - b);
  const middle = scaled.length >> 1;
  const upper = scaled[middle] ?? Number.NaN;
  return scaled.length % 2 === 1 ? upper : ((scaled[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** How many series have a lower mean absolute error than a column that is a prediction. */
export function seriesBeating(judged: Judged, { by, naive }: { by: string; naive: string }): number {
  const series = columnOf(judged, by);
  const own = errorsBy(series, judged.target, judged.prediction);
  const theirs = errorsBy(series, judged.target, columnOf(judged, naive));
  return own.filter(({ mae }, i) => mae < (theirs[i]?.mae ?? Number.NaN)).length;
}
