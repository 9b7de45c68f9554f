import type { Metric } from '../../config/definition/model.js';
import type { Scale } from './learner.js';
import { type Judged, judge, metricOf } from './metrics.js';

/** Predictions for the same rows by one model or baseline. */
export interface Contender {
  prediction: Float64Array;
  scale: Scale;
}

/** A metric that is not defined on the rows (one class only, nothing to gain) is null; one that needs sizes is left out for ranks. */
export type Metrics = Record<string, number | null>;

/** Metrics of one contender; undefined values are null. */
export function measure(judged: Judged, scale: Scale, metrics: Record<string, Metric>): Metrics {
  const measured: Metrics = {};
  for (const name of Object.keys(metrics).sort()) {
    const metric = metricOf(metrics[name] as Metric);
    if (metric.readsSize && scale === 'rank') continue;
    const value = metric.compute(judged);
    measured[name] = Number.isFinite(value) ? value : null;
  }
  return measured;
}

export interface Slice {
  label: string;
  rows: number;
  metrics: Metrics;
}

/**
 * Metrics of one contender on each part of the rows, in order of the labels' codes; empty parts are left out.
 *
 * @param part code of the part of each row, −1 for none
 */
export function measureSlices(
  { target, ties, metrics }: { target: Float64Array; ties: Uint32Array; metrics: Record<string, Metric> },
  { prediction, scale }: Contender,
  part: Int32Array,
  labels: readonly string[],
): Slice[] {
  const rowsOf: number[][] = labels.map(() => []);
  for (let row = 0; row < part.length; row++) rowsOf[part[row] as number]?.push(row);
  return labels.flatMap((label, code) => {
    const rows = rowsOf[code] as number[];
    if (rows.length === 0) return [];
    const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row] as number);
    const judged = judge(
      pick(target),
      pick(prediction),
      Uint32Array.from(rows, (row) => ties[row] as number),
    );
    return [{ label, rows: rows.length, metrics: measure(judged, scale, metrics) }];
  });
}
