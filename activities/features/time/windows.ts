import type { KernelHooks } from '../../types.js';
import { demand, type RowRange, rowRange } from '../geo/arrays.js';
import { type Mover, type MoverName, moverOf, type Observed } from './moving.js';
import { progressOf, type SeriesOrder } from './series.js';

/** One new column; `value` and `key` are numbers of the input's arrays, steps are counted back from the row. */
export type WindowSpec =
  | { op: 'lag'; value: number; steps: number }
  | { op: 'diff'; value: number; steps: number; other: number }
  | { op: MoverName; value: number; steps: number; share?: number }
  | { op: 'expanding_mean'; value: number; key?: number };

/** A range of series, so that a caller can spread them over several threads; `from` and `to` count series. */
export interface WindowsInput extends RowRange {
  order: SeriesOrder;
  /** Columns, NaN where a value is unobserved. */
  values: Float64Array[];
  /** Codes of key columns, 0 … codes − 1; a negative one is no key. */
  keys: Int32Array[];
  /** Number of codes of each key column. */
  codes: number[];
  specs: WindowSpec[];
  /** Windows end so many steps before the row, at least 1. */
  offset: number;
  /** Observed values that a window needs; default: one for each of its steps. */
  least?: number;
  /** One array a spec over shared memory, one value a row, which the call fills for its series. */
  out: Float64Array[];
}

/**
 * Lags, differences, windows and expanding means over the rows of each series. NaN where what is asked for is not there: before
 * the first row, in a gap, or unobserved. No value depends on its own row or on a later one, but for a lag of 0 steps. Answers
 * the number of rows.
 *
 * One pass a column: both ends of every window only move on.
 */
export function windows(input: WindowsInput, hooks: KernelHooks = {}): number {
  const { order, values, keys, specs, offset, least, out } = input;
  const { start } = order;
  const [from, to] = rowRange(input, start.length - 1);
  const rows = start[start.length - 1];
  for (const column of [...values, ...keys, ...out])
    demand(column.length === rows, `${rows} places for ${column.length} rows`);
  demand(offset >= 1 && (least === undefined || least >= 1), 'windows end before their row, and need a value');
  demand(out.length === specs.length, 'each new column needs an array');

  let longest = 0;
  for (let s = from; s < to; s++) longest = Math.max(longest, start[s + 1] - start[s]);
  const movers = specs.map((spec) =>
    'steps' in spec && spec.op !== 'lag' && spec.op !== 'diff' ? moverOf(spec.op, longest, spec.share) : undefined,
  );
  const series = new Series(order, longest);
  const means = input.codes.map((codes) => new Means(codes));
  const plain = new Means(1);
  const told = progressOf(hooks);
  for (let s = from; s < to; s++) {
    series.begin(s);
    // Specs of one column stand together: its observed values are picked out once.
    for (let value = 0; value < values.length; value++) {
      if (!specs.some((spec) => spec.value === value)) continue;
      series.observe(values[value]);
      for (let k = 0; k < specs.length; k++) {
        const spec = specs[k];
        if (spec.value !== value) continue;
        if (spec.op === 'lag') series.lag(spec.steps, out[k]);
        else if (spec.op === 'diff') series.diff(spec.steps, spec.other, out[k]);
        else if (spec.op === 'expanding_mean')
          series.expandingMean(
            offset,
            spec.key === undefined ? undefined : keys[spec.key],
            spec.key === undefined ? plain : means[spec.key],
            out[k],
          );
        else series.window(movers[k] as Mover, spec.steps, offset, least ?? spec.steps, out[k]);
      }
    }
    told(start[s + 1] - start[s]);
  }
  return rows;
}

/** Running means by code; those of another series are forgotten without a walk over all of them. */
class Means {
  private readonly mean: Float64Array;
  private readonly count: Float64Array;
  private readonly age: Int32Array;
  private now = 0;

  constructor(codes: number) {
    this.mean = new Float64Array(codes);
    this.count = new Float64Array(codes);
    this.age = new Int32Array(codes);
  }

  reset(): void {
    this.now++;
  }

  add(code: number, value: number): void {
    if (this.age[code] !== this.now) {
      this.age[code] = this.now;
      this.mean[code] = 0;
      this.count[code] = 0;
    }
    this.mean[code] += (value - this.mean[code]) / ++this.count[code];
  }

  of(code: number): number {
    return this.age[code] === this.now ? this.mean[code] : Number.NaN;
  }
}

/** The series at hand: its rows, their steps, and the observed values of a column. */
class Series {
  private begins = 0;
  private length = 0;
  private readonly observed: Observed;
  /** Place in the series of each observed value. */
  private readonly place: Int32Array;

  constructor(
    private readonly order: SeriesOrder,
    longest: number,
  ) {
    this.observed = { step: new Float64Array(longest), value: new Float64Array(longest), length: 0 };
    this.place = new Int32Array(longest);
  }

  begin(s: number): void {
    this.begins = this.order.start[s];
    this.length = this.order.start[s + 1] - this.begins;
  }

  observe(values: Float64Array): void {
    const { observed, place, begins } = this;
    const { step, row } = this.order;
    let n = 0;
    for (let i = 0; i < this.length; i++) {
      const value = values[row === undefined ? begins + i : row[begins + i]];
      if (Number.isNaN(value)) continue;
      observed.value[n] = value;
      observed.step[n] = step === undefined ? i : step[begins + i];
      place[n++] = i;
    }
    observed.length = n;
  }

  private rowAt(i: number): number {
    const { row } = this.order;
    return row === undefined ? this.begins + i : row[this.begins + i];
  }

  private stepAt(i: number): number {
    const { step } = this.order;
    return step === undefined ? i : step[this.begins + i];
  }

  /** Whether each row is one step behind the one before it and has a value: places then say all that steps do. */
  private get isComplete(): boolean {
    return this.order.step === undefined && this.observed.length === this.length;
  }

  lag(steps: number, out: Float64Array): void {
    const { step, value, length } = this.observed;
    if (this.isComplete && this.order.row === undefined) {
      const own = out.subarray(this.begins, this.begins + length);
      own.fill(Number.NaN, 0, steps);
      own.set(value.subarray(0, Math.max(0, length - steps)), Math.min(steps, length));
      return;
    }
    let at = 0;
    for (let i = 0; i < this.length; i++) {
      const wanted = this.stepAt(i) - steps;
      while (at < length && step[at] < wanted) at++;
      out[this.rowAt(i)] = at < length && step[at] === wanted ? value[at] : Number.NaN;
    }
  }

  diff(steps: number, other: number, out: Float64Array): void {
    const { step, value, length } = this.observed;
    let a = 0;
    let b = 0;
    for (let i = 0; i < this.length; i++) {
      const now = this.stepAt(i);
      while (a < length && step[a] < now - steps) a++;
      while (b < length && step[b] < now - other) b++;
      const both = a < length && b < length && step[a] === now - steps && step[b] === now - other;
      out[this.rowAt(i)] = both ? value[a] - value[b] : Number.NaN;
    }
  }

  window(mover: Mover, steps: number, offset: number, least: number, out: Float64Array): void {
    const { step, value, length } = this.observed;
    mover.reset(value);
    if (this.isComplete) {
      for (let i = 0; i < length; i++) {
        const hi = Math.max(0, i - offset + 1);
        const lo = Math.max(0, hi - steps);
        out[this.rowAt(i)] = hi - lo >= least ? mover.at(lo, hi) : Number.NaN;
      }
      return;
    }
    let lo = 0;
    let hi = 0;
    for (let i = 0; i < this.length; i++) {
      const last = this.stepAt(i) - offset;
      while (hi < length && step[hi] <= last) hi++;
      while (lo < hi && step[lo] <= last - steps) lo++;
      out[this.rowAt(i)] = hi - lo >= least ? mover.at(lo, hi) : Number.NaN;
    }
  }

  expandingMean(offset: number, key: Int32Array | undefined, means: Means, out: Float64Array): void {
    const { step, value, length } = this.observed;
    const codeAt = (i: number): number => (key === undefined ? 0 : key[this.rowAt(i)]);
    means.reset();
    let at = 0;
    for (let i = 0; i < this.length; i++) {
      const last = this.stepAt(i) - offset;
      for (; at < length && step[at] <= last; at++) {
        const code = codeAt(this.place[at]);
        if (code >= 0) means.add(code, value[at]);
      }
      const code = codeAt(i);
      out[this.rowAt(i)] = code < 0 ? Number.NaN : means.of(code);
    }
  }
}
