import { address, control, param } from './control';
import {
  A_BIN_COUNT,
  A_DIRECTION,
  A_KIND,
  BY_SET,
  CAT_L2,
  CAT_SMOOTH,
  HESSIAN_BITS,
  LAMBDA_L1,
  LAMBDA_L2,
  MIN_DATA,
  MIN_GAIN,
  MIN_HESSIAN,
  MISSING_LEFT,
  MONOTONE,
  SET_BYTES,
  SHARED,
} from './layout';

/** Fields of a record: the best split of a leaf by one feature. */
export const R_GAIN: usize = 0;
export const R_BIN: usize = 8;
export const R_FLAGS: usize = 12;
export const R_LEFT: usize = 16;
export const R_FEATURE: usize = 32;
export const R_SET: usize = 40;

/** What one unit of the fixed-point sums is worth; set by the leader for each tree. */
export const GRADIENT_UNIT: usize = SHARED + 256;
export const HESSIAN_UNIT: usize = SHARED + 264;

// Of the leaf and the parameters, read once a call; an instance belongs to one thread.
let hessianMask: i64 = 0;
let hessianBits: i64 = 0;
let gradientUnit: f64 = 0;
let hessianUnit: f64 = 0;
let lambda1: f64 = 0;
let lambda2: f64 = 0;
let minCount: i64 = 0;
let minHessian: f64 = 0;
let lowest: f64 = 0;
let highest: f64 = 0;
let monotone: bool = false;
let direction: i32 = 0;

/** Reads the parameters; once per tree and thread, after the units are known. */
export function openSplits(): void {
  hessianBits = control(HESSIAN_BITS);
  hessianMask = (<i64>1 << hessianBits) - 1;
  gradientUnit = load<f64>(GRADIENT_UNIT);
  hessianUnit = load<f64>(HESSIAN_UNIT);
  lambda1 = param(LAMBDA_L1);
  lambda2 = param(LAMBDA_L2);
  minCount = max(1, control(MIN_DATA));
  minHessian = param(MIN_HESSIAN);
  monotone = control(MONOTONE) !== 0;
}

export function rowsOf(counted: i64): i32 {
  return <i32>(counted >> hessianBits);
}

// @ts-expect-error: decorator
@inline
function shrink(gradient: f64): f64 {
  return lambda1 === 0 ? gradient : copysign(max(abs(gradient) - lambda1, 0.0), gradient);
}

/** The leaf's step before the learning rate, −G / (H + λ), within the bounds that monotone splits above it have set. */
export function stepOf(gradient: i64, counted: i64, low: f64, high: f64): f64 {
  const g = shrink(<f64>gradient * gradientUnit);
  const h = <f64>(counted & hessianMask) * hessianUnit + lambda2;
  const step = h > 0 ? -g / h : 0.0;
  return min(high, max(low, step));
}

// @ts-expect-error: decorator
@inline
function scoreOf(g: f64, h: f64): f64 {
  const s = shrink(g);
  if (!monotone) return (s * s) / h;
  const step = min(highest, max(lowest, -s / h));
  return -(2.0 * s * step + h * step * step);
}

/** Gain of a split before the parent's own score is taken off; −1 where it is not allowed. */
// @ts-expect-error: decorator
@inline
function gainOf(leftG: i64, leftC: i64, rightG: i64, rightC: i64, extra: f64): f64 {
  if (leftC >> hessianBits < minCount || rightC >> hessianBits < minCount) return -1.0;
  const hl = <f64>(leftC & hessianMask) * hessianUnit;
  const hr = <f64>(rightC & hessianMask) * hessianUnit;
  if (hl < minHessian || hr < minHessian) return -1.0;
  const gl = <f64>leftG * gradientUnit;
  const gr = <f64>rightG * gradientUnit;
  const ll = hl + lambda2 + extra;
  const lr = hr + lambda2 + extra;
  if (!(ll > 0) || !(lr > 0)) return -1.0;
  if (!monotone && lambda1 === 0) return (gl * gl * lr + gr * gr * ll) / (ll * lr);
  if (direction !== 0) {
    const rise = min(highest, max(lowest, -shrink(gr) / lr)) - min(highest, max(lowest, -shrink(gl) / ll));
    if (rise * <f64>direction < 0) return -1.0;
  }
  return scoreOf(gl, ll) + scoreOf(gr, lr);
}

/**
 * The best split of a leaf by one feature. Ties go to the first one met: lower bins, and what is missing to the right.
 *
 * @param histogram the feature's bins
 * @param bitmap one bit a bin that holds rows, where the other bins hold anything; else 0
 * @param low bounds of the leaf's step
 */
export function findSplit(
  f: i32,
  histogram: usize,
  bitmap: usize,
  totalG: i64,
  totalC: i64,
  low: f64,
  high: f64,
  record: usize,
): void {
  store<f64>(record, -1.0, R_GAIN);
  store<i32>(record, f, R_FEATURE);
  if (totalC >> hessianBits < 2 * minCount) return;
  lowest = low;
  highest = high;
  direction = load<i8>(address(A_DIRECTION) + f);
  const h = <f64>(totalC & hessianMask) * hessianUnit + lambda2;
  if (!(h > 0)) return;
  // What the leaf scores unsplit, and what a split must add to be worth it.
  const own = scoreOf(<f64>totalG * gradientUnit, h);
  const bins = load<i32>(address(A_BIN_COUNT) + (f << 2));
  const count = bitmap === 0 ? listBins(bins, histogram) : listBits(bins, bitmap);
  if (load<u8>(address(A_KIND) + f)) findSet(bins, count, histogram, totalG, totalC, own, record);
  else findBin(bins, count, histogram, totalG, totalC, own, record);
}

/** Bins of a histogram that hold rows, in ascending order, as bytes; the one of missing values not counted. */
function listBins(bins: i32, histogram: usize): i32 {
  let count = 0;
  for (let b = 0; b < bins; b++) {
    store<u8>(order + count, b);
    count += load<i64>(histogram + (<usize>b << 4), 8) !== 0 ? 1 : 0;
  }
  return count;
}

function listBits(bins: i32, bitmap: usize): i32 {
  let count = 0;
  for (let word = 0; word << 6 < bins; word++) {
    for (let bits = load<u64>(bitmap + (<usize>word << 3)); bits !== 0; bits &= bits - 1) {
      const b = (word << 6) + <i32>ctz(bits);
      if (b < bins) store<u8>(order + count++, b);
    }
  }
  return count;
}

function findBin(bins: i32, count: i32, histogram: usize, totalG: i64, totalC: i64, own: f64, record: usize): void {
  const missing = histogram + (<usize>bins << 4);
  const missingG = load<i64>(missing);
  const missingC = load<i64>(missing, 8);
  const some = missingC !== 0;
  let best = own + max(param(MIN_GAIN), 1e-12 * abs(own));
  let bin = -1;
  let toLeft = false;
  let leftG: i64 = 0;
  let leftC: i64 = 0;
  let bestG: i64 = 0;
  let bestC: i64 = 0;
  // A split behind the last bin parts what is there from what is missing.
  const last = some ? count : count - 1;
  for (let i = 0; i < last; i++) {
    const b = <i32>load<u8>(order + i);
    const entry = histogram + (<usize>b << 4);
    leftG += load<i64>(entry);
    leftC += load<i64>(entry, 8);
    const right = gainOf(leftG, leftC, totalG - leftG, totalC - leftC, 0.0);
    if (right > best) {
      best = right;
      bin = b;
      bestG = leftG;
      bestC = leftC;
      toLeft = false;
    }
    if (!some || i === count - 1) continue;
    const withG = leftG + missingG;
    const withC = leftC + missingC;
    const left = gainOf(withG, withC, totalG - withG, totalC - withC, 0.0);
    if (left > best) {
      best = left;
      bin = b;
      bestG = withG;
      bestC = withC;
      toLeft = true;
    }
  }
  if (bin < 0) return;
  // Bins behind the last that holds rows go with it.
  if (some && bestC === totalC - missingC && !toLeft) bin = bins - 1;
  // Nothing was missing here: at prediction it follows the larger child.
  if (!some) toLeft = bestC >> hessianBits >= (totalC - bestC) >> hessianBits;
  store<f64>(record, best - own, R_GAIN);
  store<i32>(record, bin, R_BIN);
  store<i32>(record, toLeft ? MISSING_LEFT : 0, R_FLAGS);
  store<i64>(record, bestG, R_LEFT);
  store<i64>(record, bestC, R_LEFT + 8);
}

/** Bins or levels present in the leaf, a byte each, and behind them keys to sort levels by; memory of the thread. */
let order: usize = 0;

/** Memory of one thread for sorting levels: 256 keys of 8 bytes and 256 bytes. */
export const SORT_BYTES: i32 = 256 * 9;

export function openSort(at: usize): void {
  order = at;
}

function sortLevels(count: i32, histogram: usize): void {
  const keys = order + 256;
  const smooth = param(CAT_SMOOTH);
  for (let i = 0; i < count; i++) {
    const b = load<u8>(order + i);
    const entry = histogram + (<usize>b << 4);
    const h = <f64>(load<i64>(entry, 8) & hessianMask) * hessianUnit + smooth;
    const key = h > 0 ? (<f64>load<i64>(entry) * gradientUnit) / h : 0.0;
    // Insertion keeps equal keys in order of their bins.
    let at = i;
    for (; at > 0 && load<f64>(keys + ((at - 1) << 3)) > key; at--) {
      store<f64>(keys + (at << 3), load<f64>(keys + ((at - 1) << 3)));
      store<u8>(order + at, load<u8>(order + at - 1));
    }
    store<f64>(keys + (at << 3), key);
    store<u8>(order + at, b);
  }
}

/**
 * Levels sorted by gradient over hessian; for a convex loss the best two groups are a prefix and the rest (Fisher 1958). What
 * is missing, unseen, or not in this leaf goes to the side where the missing rows do best, or to the larger one.
 */
function findSet(bins: i32, count: i32, histogram: usize, totalG: i64, totalC: i64, own: f64, record: usize): void {
  const missing = histogram + (<usize>bins << 4);
  const missingG = load<i64>(missing);
  const missingC = load<i64>(missing, 8);
  const some = missingC !== 0;
  const extra = param(CAT_L2);
  sortLevels(count, histogram);
  let best = own + max(param(MIN_GAIN), 1e-12 * abs(own));
  let taken = 0;
  let toLeft = false;
  let leftG: i64 = 0;
  let leftC: i64 = 0;
  let bestG: i64 = 0;
  let bestC: i64 = 0;
  const last = some ? count : count - 1;
  for (let i = 0; i < last; i++) {
    const entry = histogram + (<usize>load<u8>(order + i) << 4);
    leftG += load<i64>(entry);
    leftC += load<i64>(entry, 8);
    const right = gainOf(leftG, leftC, totalG - leftG, totalC - leftC, extra);
    if (right > best) {
      best = right;
      taken = i + 1;
      bestG = leftG;
      bestC = leftC;
      toLeft = false;
    }
    if (!some || i === count - 1) continue;
    const withG = leftG + missingG;
    const withC = leftC + missingC;
    const left = gainOf(withG, withC, totalG - withG, totalC - withC, extra);
    if (left > best) {
      best = left;
      taken = i + 1;
      bestG = withG;
      bestC = withC;
      toLeft = true;
    }
  }
  if (taken === 0) return;
  if (!some) toLeft = bestC >> hessianBits >= (totalC - bestC) >> hessianBits;
  memory.fill(record + R_SET, 0, SET_BYTES);
  for (let i = toLeft ? taken : 0, end = toLeft ? count : taken; i < end; i++) {
    const b = load<u8>(order + i);
    const at = record + R_SET + (b >> 3);
    store<u8>(at, load<u8>(at) | (1 << (b & 7)));
  }
  store<f64>(record, best - own, R_GAIN);
  store<i32>(record, 0, R_BIN);
  store<i32>(record, BY_SET | (toLeft ? MISSING_LEFT : 0), R_FLAGS);
  store<i64>(record, bestG, R_LEFT);
  store<i64>(record, bestC, R_LEFT + 8);
}

/** Fills a table of 256 bytes: 1 where rows of that bin go left. */
export function fillRoutes(table: usize, f: i32, bin: i32, flags: i32, set: usize): void {
  const bins = load<i32>(address(A_BIN_COUNT) + (f << 2));
  const missingLeft: u8 = flags & MISSING_LEFT ? 1 : 0;
  for (let b = 0; b <= bins; b++) {
    let left = missingLeft;
    if (b < bins) {
      if (flags & BY_SET) left = load<u8>(set + (b >> 3)) & (1 << (b & 7)) ? 1 - missingLeft : missingLeft;
      else left = b <= bin ? 1 : 0;
    }
    store<u8>(table + b, left);
  }
}
