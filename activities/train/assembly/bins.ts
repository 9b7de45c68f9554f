import { address, control } from './control';
import {
  A_BIN_COUNT,
  A_BINS,
  A_BOUNDS,
  A_PANELS,
  BLOCK,
  FEATURES,
  GROUP,
  MAX_BIN,
  MAX_BINS,
  PANEL,
  ROWS,
  SAMPLE_ROWS,
  SEED,
} from './layout';
import { mix } from './numbers';

/** Bits sorted in one pass; three passes make 32. */
const DIGIT: u32 = 11;
const DIGITS: i32 = 1 << DIGIT;
/** Memory before the keys in a thread's scratch: the counts of a pass. */
const COUNTS: usize = DIGITS * 4;

/** Scratch for `binNumbers`: counts of digits, and keys twice. */
export function binScratch(sample: i32): usize {
  return COUNTS + (<usize>sample << 3);
}

/**
 * Bounds of a feature's bins by quantiles of a sample, then the bin of every row. A bin holds the values above the bound
 * before it, up to its own; the missing ones (NaN) have the bin behind the last.
 *
 * @param values float32, one a row
 * @param scratch `binScratch` bytes of the calling thread
 */
export function binNumbers(f: i32, values: usize, scratch: usize): void {
  const keys = scratch + COUNTS;
  const count = sampleKeys(f, values, keys);
  const other = keys + (<usize>control(SAMPLE_ROWS) << 2);
  sortDigits(keys, other, count, 0, scratch);
  sortDigits(other, keys, count, DIGIT, scratch);
  sortDigits(keys, other, count, 2 * DIGIT, scratch);
  const bounds = address(A_BOUNDS) + <usize>f * MAX_BINS * 4;
  const bins = findBounds(other, count, keys, bounds);
  store<i32>(address(A_BIN_COUNT) + (<usize>f << 2), bins);
  place(f, values, bounds, bins);
}

/** Keys whose order as whole numbers is that of the numbers; −0 counts as 0, what is missing is left out. */
function sampleKeys(f: i32, values: usize, keys: usize): i32 {
  const rows = control(ROWS);
  const wanted = control(SAMPLE_ROWS);
  let count = 0;
  for (let i = 0; i < wanted; i++) {
    let row = i;
    if (wanted < rows) {
      // One row of each stretch, at a place of its own: no period of the data can hide.
      const from = (<u64>i * <u64>rows) / <u64>wanted;
      const to = (<u64>(i + 1) * <u64>rows) / <u64>wanted;
      row = <i32>(from + <u64>(mix(control(SEED), f, i) % <u32>(to - from)));
    }
    const value = load<f32>(values + (<usize>row << 2));
    if (value !== value) continue;
    const bits = reinterpret<i32>(value + 0.0);
    store<u32>(keys + (<usize>count << 2), <u32>(bits ^ ((bits >> 31) | 0x80000000)));
    count++;
  }
  return count;
}

// @ts-expect-error: decorator
@inline
function valueOf(key: u32): f32 {
  return reinterpret<f32>(key ^ (key & 0x80000000 ? 0x80000000 : 0xffffffff));
}

function sortDigits(from: usize, to: usize, count: i32, shift: u32, counts: usize): void {
  memory.fill(counts, 0, COUNTS);
  const end = from + (<usize>count << 2);
  for (let at = from; at < end; at += 4) {
    const cell = counts + (((load<u32>(at) >> shift) & (DIGITS - 1)) << 2);
    store<u32>(cell, load<u32>(cell) + 1);
  }
  let sum: u32 = 0;
  for (let d = 0; d < DIGITS; d++) {
    const cell = counts + (d << 2);
    const size = load<u32>(cell);
    store<u32>(cell, sum);
    sum += size;
  }
  for (let at = from; at < end; at += 4) {
    const key = load<u32>(at);
    const cell = counts + (((key >> shift) & (DIGITS - 1)) << 2);
    const place = load<u32>(cell);
    store<u32>(cell, place + 1);
    store<u32>(to + (place << 2), key);
  }
}

/**
 * Upper bounds of at most MAX_BIN bins over sorted keys: every distinct value its own while they suffice, else about as many
 * rows in each, where a value with more rows than that stands alone. Bounds lie halfway to the next value, in float32.
 *
 * @param counts scratch for one number a distinct value
 * @returns number of bins, at least 1; the last has no bound
 */
function findBounds(keys: usize, count: i32, counts: usize, bounds: usize): i32 {
  if (count === 0) return 1;
  // Distinct keys move to the front, their counts stand in `counts`.
  let distinct = 0;
  for (let i = 0; i < count; ) {
    const key = load<u32>(keys + (<usize>i << 2));
    let end = i + 1;
    while (end < count && load<u32>(keys + (<usize>end << 2)) === key) end++;
    store<u32>(keys + (<usize>distinct << 2), key);
    store<u32>(counts + (<usize>distinct << 2), end - i);
    distinct++;
    i = end;
  }
  const most = control(MAX_BIN);
  if (distinct <= most) {
    for (let i = 0; i + 1 < distinct; i++) setBound(keys, i, bounds, i);
    return distinct;
  }
  // Values that fill a bin alone are set aside first, then the others share what is left of bins.
  const mean = <f64>count / <f64>most;
  let left = most;
  let rest = count;
  for (let i = 0; i < distinct; i++) {
    const size = load<u32>(counts + (<usize>i << 2));
    if (<f64>size < mean) continue;
    left--;
    rest -= size;
  }
  let bins = 0;
  let filled = 0;
  for (let i = 0; i + 1 < distinct && bins < most - 1; i++) {
    const size = load<u32>(counts + (<usize>i << 2));
    const next = load<u32>(counts + (<usize>(i + 1) << 2));
    const alone = <f64>size >= mean;
    filled += size;
    if (!alone) rest -= size;
    const share = left > 0 ? <f64>(rest + filled) / <f64>left : mean;
    // A bin ends when it is full, and before a value that stands alone if it is worth a bin of its own.
    if (alone || <f64>filled >= share || (<f64>next >= mean && <f64>filled >= 0.5 * share)) {
      setBound(keys, i, bounds, bins++);
      if (!alone) left--;
      filled = 0;
    }
  }
  return bins + 1;
}

/** The middle of a value and the next one, as far as float32 has one below the next. */
function setBound(keys: usize, i: i32, bounds: usize, bin: i32): void {
  const low = valueOf(load<u32>(keys + (<usize>i << 2)));
  const high = valueOf(load<u32>(keys + (<usize>(i + 1) << 2)));
  let bound = <f32>((<f64>low + <f64>high) * 0.5);
  if (!(bound >= low && bound < high)) bound = low;
  store<f32>(bounds + (<usize>bin << 2), bound);
}

/** Writes the bin of every row: the number of bounds below its value, found by halving without branches. */
function place(f: i32, values: usize, bounds: usize, bins: i32): void {
  const rows = control(ROWS);
  const out = address(A_BINS) + <usize>f * <usize>rows;
  // Bounds behind the last are infinite, so that halving needs no length.
  for (let b = bins - 1; b < MAX_BINS; b++) store<f32>(bounds + (<usize>b << 2), <f32>Infinity);
  let step: usize = 128 * 4;
  while (step > 4 && <i32>(step >> 2) >= bins) step >>= 1;
  for (let row = 0; row < rows; row++) {
    const value = load<f32>(values + (<usize>row << 2));
    let at = bounds;
    for (let half = step; half >= 4; half >>= 1) at += value > load<f32>(at + half - 4) ? half : 0;
    const bin = value === value ? <i32>((at - bounds) >> 2) : bins;
    store<u8>(out + <usize>row, bin);
  }
}

/** Address of a group's word in row 0 of its panel. */
export function panelOf(group: i32): usize {
  const f = group * GROUP;
  return address(A_PANELS) + <usize>(f / PANEL) * PANEL * <usize>control(ROWS) + (f % PANEL);
}

/** Bytes from a row to the next one in the panel of a group. */
export function strideOf(group: i32): usize {
  const rest = control(FEATURES) - ((group * GROUP) / PANEL) * PANEL;
  return min(PANEL, (rest + GROUP - 1) & ~(GROUP - 1));
}

/** Copies rows [from, to) of the bins into the panels. */
export function fillPanels(from: i32, to: i32): void {
  const features = control(FEATURES);
  const rows: usize = control(ROWS);
  const groups = (features + GROUP - 1) / GROUP;
  for (let start = from; start < to; start += BLOCK) {
    const end = min(start + BLOCK, to);
    for (let group = 0; group < groups; group++) {
      const panel = panelOf(group);
      const stride = strideOf(group);
      const first = address(A_BINS) + <usize>(group * GROUP) * rows;
      const width = min(GROUP, features - group * GROUP);
      for (let row: usize = start; row < <usize>end; row++) {
        let word: u32 = 0;
        for (let k = 0; k < width; k++) word |= (<u32>load<u8>(first + <usize>k * rows + row)) << (k << 3);
        store<u32>(panel + row * stride, word);
      }
    }
  }
}
