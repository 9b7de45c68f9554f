import { createHash } from 'node:crypto';

const DIGEST_BYTES = 32;
const PREFIX_BYTES = 6;

/**
 * The order in which rows of equal prediction are taken: by ascending SHA-256 of their key, which favours no region and is
 * the same wherever it is computed. Equal keys keep their order.
 *
 * @returns the place of each row, 0 first
 */
export function tieOrder(keys: readonly string[]): Uint32Array {
  const rows = keys.length;
  const digests = Buffer.alloc(rows * DIGEST_BYTES);
  // The first 48 bits are exact in a float64 and tell nearly all rows apart.
  const prefixes = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const digest = createHash('sha256')
      .update(keys[row] as string, 'utf8')
      .digest();
    digests.set(digest, row * DIGEST_BYTES);
    prefixes[row] = digest.readUIntBE(0, PREFIX_BYTES);
  }
  const at = (row: number) => digests.subarray(row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES);
  const order = rowNumbers(rows).sort(
    (a, b) => (prefixes[a] as number) - (prefixes[b] as number) || Buffer.compare(at(a), at(b)) || a - b,
  );
  return placesOf(order);
}

/**
 * Rows from the highest prediction to the lowest; ties by `ties` (see `tieOrder`), without it by row.
 * Predictions are numbers, not NaN.
 */
export function rankRows(prediction: Float64Array, ties?: Uint32Array): Uint32Array {
  const order = rowNumbers(prediction.length);
  if (ties === undefined) return order.sort((a, b) => compare(prediction, b, a) || a - b);
  return order.sort((a, b) => compare(prediction, b, a) || (ties[a] as number) - (ties[b] as number));
}

/** Ranks from 1 in ascending order; equal values share the mean of their ranks. */
export function midRanks(values: Float64Array): Float64Array {
  const order = rowNumbers(values.length).sort((a, b) => compare(values, a, b) || a - b);
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to] as number] === values[order[from] as number]) to++;
    // Places from … to − 1 hold the ranks from + 1 … to.
    for (let i = from; i < to; i++) ranks[order[i] as number] = (from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}

/**
 * A score that orders rows by the first column, rows equal there by the second, and so on; higher values are better, NaN is
 * worst. Rows equal in all columns share a score.
 *
 * @returns dense ranks: 0 for the worst rows, one more for each better group
 */
export function lexicographicScore(columns: readonly Float64Array[]): Float64Array {
  const rows = columns[0]?.length ?? 0;
  const compareRows = (a: number, b: number) => {
    for (const values of columns) {
      const difference = compareMissing(values[a] as number, values[b] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  const order = rowNumbers(rows).sort((a, b) => compareRows(a, b) || a - b);
  const score = new Float64Array(rows);
  for (let i = 1, dense = 0; i < rows; i++) {
    const row = order[i] as number;
    if (compareRows(order[i - 1] as number, row) !== 0) dense++;
    score[row] = dense;
  }
  return score;
}

/** By comparison, not subtraction: the difference of two infinities is NaN. */
function compare(values: Float64Array, a: number, b: number): number {
  const x = values[a] as number;
  const y = values[b] as number;
  return x < y ? -1 : x > y ? 1 : 0;
}

function compareMissing(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(y)) - Number(Number.isNaN(x));
  return x < y ? -1 : x > y ? 1 : 0;
}

const rowNumbers = (rows: number): Uint32Array => {
  const order = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  return order;
};

const placesOf = (order: Uint32Array): Uint32Array => {
  const places = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) places[order[i] as number] = i;
  return places;
};
