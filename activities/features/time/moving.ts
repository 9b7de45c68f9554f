/** The observed values of one series of one column: their steps, ascending, and the values. Only the first `length` count. */
export interface Observed {
  step: Float64Array;
  value: Float64Array;
  length: number;
}

/**
 * Aggregates of windows [lo, hi) over a list whose bounds only grow. Each value is added once and never taken away again, as
 * what subtraction leaves of a great value that has passed is not what was there before: the older part of a window is kept
 * as aggregates of its ends, the newer as one running aggregate ("two stacks"; Tangwongsan, Hirzel & Schneider, "General
 * Incremental Sliding-Window Aggregation", VLDB 2015). A constant number of steps a value, however long the window.
 */
export interface Mover {
  /** Forgets the series before. */
  reset(values: Float64Array): void;
  /** The aggregate of [lo, hi); neither bound is less than at the call before. */
  at(lo: number, hi: number): number;
}

/** Room for the ends of `length` values, one array a part of the aggregate. */
abstract class TwoStacks implements Mover {
  protected values: Float64Array = new Float64Array(0);
  /** Ends [i, middle) are aggregated, [middle, hi) runs. */
  protected middle = 0;
  protected end = 0;

  constructor(protected length: number) {}

  reset(values: Float64Array): void {
    this.values = values;
    this.middle = 0;
    this.end = 0;
    this.clear();
  }

  at(lo: number, hi: number): number {
    while (this.end < hi) this.push(this.values[this.end++]);
    if (lo >= this.middle) {
      this.middle = hi;
      this.turn(lo, hi);
      this.clear();
    }
    return this.join(lo, hi);
  }

  /** Empties the running aggregate. */
  protected abstract clear(): void;
  protected abstract push(value: number): void;
  /** Aggregates the ends of [lo, hi). */
  protected abstract turn(lo: number, hi: number): void;
  protected abstract join(lo: number, hi: number): number;
}

class Sum extends TwoStacks {
  private readonly ends = new Float64Array(this.length);
  private running = 0;

  constructor(
    length: number,
    private readonly mean: boolean,
  ) {
    super(length);
  }

  protected clear(): void {
    this.running = 0;
  }

  protected push(value: number): void {
    this.running += value;
  }

  protected turn(lo: number, hi: number): void {
    let sum = 0;
    for (let i = hi - 1; i >= lo; i--) {
      sum += this.values[i];
      this.ends[i] = sum;
    }
  }

  protected join(lo: number, hi: number): number {
    const sum = (lo < this.middle ? this.ends[lo] : 0) + this.running;
    return this.mean ? sum / (hi - lo) : sum;
  }
}

class Extreme extends TwoStacks {
  private readonly ends = new Float64Array(this.length);
  private running = Number.NaN;

  /** @param sign 1 for the greatest, −1 for the least */
  constructor(
    length: number,
    private readonly sign: 1 | -1,
  ) {
    super(length);
  }

  protected clear(): void {
    this.running = Number.NEGATIVE_INFINITY;
  }

  protected push(value: number): void {
    if (this.sign * value > this.running) this.running = this.sign * value;
  }

  protected turn(lo: number, hi: number): void {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = hi - 1; i >= lo; i--) {
      if (this.sign * this.values[i] > most) most = this.sign * this.values[i];
      this.ends[i] = most;
    }
  }

  protected join(lo: number): number {
    return this.sign * (lo < this.middle && this.ends[lo] > this.running ? this.ends[lo] : this.running);
  }
}

/** The sample standard deviation, from means and sums of squared deviations (Welford 1962; Chan, Golub & LeVeque 1979). */
class Deviation extends TwoStacks {
  private readonly endMean = new Float64Array(this.length);
  private readonly endSquares = new Float64Array(this.length);
  private count = 0;
  private mean = 0;
  private squares = 0;

  protected clear(): void {
    this.count = 0;
    this.mean = 0;
    this.squares = 0;
  }

  protected push(value: number): void {
    const delta = value - this.mean;
    this.mean += delta / ++this.count;
    this.squares += delta * (value - this.mean);
  }

  protected turn(lo: number, hi: number): void {
    let mean = 0;
    let squares = 0;
    for (let i = hi - 1; i >= lo; i--) {
      const value = this.values[i];
      const delta = value - mean;
      mean += delta / (hi - i);
      squares += delta * (value - mean);
      this.endMean[i] = mean;
      this.endSquares[i] = squares;
    }
  }

  protected join(lo: number, hi: number): number {
    const older = this.middle - lo;
    let squares = this.squares;
    if (older > 0) {
      const delta = this.mean - this.endMean[lo];
      squares += this.endSquares[lo];
      if (this.count > 0) squares += (delta * delta * older * this.count) / (hi - lo);
    }
    return hi - lo < 2 ? Number.NaN : Math.sqrt(Math.max(0, squares) / (hi - lo - 1));
  }
}

/** The quantile between two ranks, as spreadsheets and NumPy interpolate it by default; the window is kept in order. */
class Quantile implements Mover {
  private sorted = new Float64Array(64);
  private values: Float64Array = new Float64Array(0);
  private lo = 0;
  private hi = 0;

  constructor(private readonly share: number) {}

  reset(values: Float64Array): void {
    this.values = values;
    this.lo = 0;
    this.hi = 0;
  }

  at(lo: number, hi: number): number {
    // Values that came and went between two calls never enter.
    if (lo >= this.hi) this.lo = this.hi = lo;
    while (this.lo < lo) this.remove(this.values[this.lo++]);
    while (this.hi < hi) this.insert(this.values[this.hi++]);
    const rank = this.share * (hi - lo - 1);
    const below = Math.floor(rank);
    const low = this.sorted[below];
    return rank === below ? low : low + (rank - below) * (this.sorted[below + 1] - low);
  }

  private insert(value: number): void {
    const length = this.hi - 1 - this.lo;
    if (length >= this.sorted.length) {
      const grown = new Float64Array(2 * this.sorted.length);
      grown.set(this.sorted);
      this.sorted = grown;
    }
    const place = this.place(value, length);
    this.sorted.copyWithin(place + 1, place, length);
    this.sorted[place] = value;
  }

  private remove(value: number): void {
    const length = this.hi - this.lo + 1;
    const place = this.place(value, length);
    this.sorted.copyWithin(place, place + 1, length);
  }

  /** The first place whose value is not less. */
  private place(value: number, length: number): number {
    let low = 0;
    let high = length;
    while (low < high) {
      const half = (low + high) >> 1;
      if (this.sorted[half] < value) low = half + 1;
      else high = half;
    }
    return low;
  }
}

class Count implements Mover {
  reset(): void {}

  at(lo: number, hi: number): number {
    return hi - lo;
  }
}

export type MoverName = 'mean' | 'sum' | 'std' | 'min' | 'max' | 'count' | 'quantile';

/** An aggregate of windows over series of at most `length` observed values. */
export function moverOf(op: MoverName, length: number, share = 0.5): Mover {
  switch (op) {
    case 'mean':
    case 'sum':
      return new Sum(length, op === 'mean');
    case 'std':
      return new Deviation(length);
    case 'min':
    case 'max':
      return new Extreme(length, op === 'max' ? 1 : -1);
    case 'quantile':
      return new Quantile(share);
    case 'count':
      return new Count();
  }
}
