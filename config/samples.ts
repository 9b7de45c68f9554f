/**
 * What a pipeline brings along so that its demo runs without anybody's data: seeded files that look like the real ones,
 * dirt included, and are read by the very same pipeline.yaml.
 */
export interface SampleSource {
  /** The seed of the published demo; `generate` uses it where none is given. */
  readonly seed: number;
  /** Every path that `generate` knows, laid out like the inputs folder. */
  readonly files: string[];
  /** The bytes of one file. The same path and seed give the same bytes on every platform. */
  generate(path: string, seed?: number): Uint8Array;
}

const TWO_32 = 4_294_967_296;

/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand), its state filled by splitmix32 from the seed and the
 * name of the stream. Each layer of a sample draws from a stream of its own, so that one more draw in one layer moves no other.
 *
 * Everything here and in the generators uses integer arithmetic and + - * / sqrt only: IEEE 754 rounds these exactly,
 * whereas the last digits of Math.exp, pow, log and sin are each engine's own affair.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number, stream: string) {
    let state = seed | 0;
    for (let i = 0; i < stream.length; i++) state = Math.imul(state ^ stream.charCodeAt(i), 0x01000193);
    const fill = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      return (mixed ^ (mixed >>> 16)) | 0;
    };
    this.a = fill();
    this.b = fill();
    this.c = fill();
    for (let i = 0; i < 12; i++) this.next();
  }

  /** Uniform in [0, 1), 32 bits. */
  next(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return (sum >>> 0) / TWO_32;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number from low to high, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Nearly standard normal: twelve uniforms added (Irwin-Hall), hence within ±6. */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.next();
    return sum;
  }

  /** An index drawn in proportion to the weights whose running totals are given (see `runningTotals`). */
  weighted(totals: Float64Array): number {
    const aim = this.next() * (totals[totals.length - 1] ?? 0);
    let low = 0;
    let high = totals.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((totals[middle] ?? 0) > aim) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [items[i], items[j]] = [items[j] as T, items[i] as T];
    }
    return items;
  }
}

/** Running totals of weights, the form that `Random.weighted` searches. */
export function runningTotals(weights: ArrayLike<number>): Float64Array {
  const totals = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i] ?? 0;
    totals[i] = sum;
  }
  return totals;
}

/** A stand-in for exp(x), -20 < x < 20: (1 + x/32)^32 by five squarings; monotone, positive, the same on every platform. */
export function growth(x: number): number {
  let value = 1 + x / 32;
  for (let i = 0; i < 5; i++) value *= value;
  return value;
}
