import { panelOf, strideOf } from './bins';
import { address, control } from './control';
import {
  A_HIST_OFFSET,
  BLOCK,
  ENTRY_BYTES,
  FEATURES,
  GROUP,
  HIST_ENTRIES,
  PANEL,
} from './layout';

/*
 * A bin holds two sums of 64 bits: gradients, and hessians with the count of rows above them. They are whole numbers (fixed
 * point), so a sum is exact in any order: a parent less one child is the other child to the last bit, and the number of
 * threads leaves no trace. One 16-byte addition serves both.
 */

/** One byte a feature: whether a histogram is wanted. An instance belongs to one thread. */
let usedFeatures: usize = 0;

export function openFeatures(used: usize): void {
  usedFeatures = used;
}

/** Bytes that `addRows` uses: the bins of a block of rows, and what a copy of 16 bytes may write behind them. */
export const BLOCK_BYTES: i32 = BLOCK * PANEL + 16;

/**
 * Adds rows to the bins of the features of groups [from, to), block by block. The bins of a block are copied side by side
 * first: however far its rows lie apart, they are fetched once, and the additions run over what is in the cache.
 *
 * @param index row numbers, or 0 for the rows from 0 on
 * @param pairs the pair of each of them, in the same order
 * @param scratch BLOCK_BYTES of the calling thread
 */
export function addRows(
  from: i32,
  to: i32,
  histogram: usize,
  index: usize,
  pairs: usize,
  count: i32,
  scratch: usize,
): void {
  const perPanel = PANEL / GROUP;
  for (let first = from; first < to; ) {
    const end = min(to, (first / perPanel + 1) * perPanel);
    const stride = strideOf(first);
    const panel = panelOf(first);
    const width: usize = (end - first) * GROUP;
    for (let start = 0; start < count; start += BLOCK) {
      const rows = min(BLOCK, count - start);
      let bins = panel + <usize>start * stride;
      if (index !== 0) {
        copyBins(panel, stride, index + (<usize>start << 2), rows, width, scratch);
        bins = scratch;
      }
      for (let group = first; group < end; group++, bins += GROUP) {
        addGroup(group, histogram, bins, index === 0 ? stride : width, pairs + (<usize>start << 4), rows);
      }
    }
    first = end;
  }
}

/** Copies `width` bytes of the panel from each row of an index. */
export function copyBins(panel: usize, stride: usize, index: usize, rows: i32, width: usize, scratch: usize): void {
  const end = index + (<usize>rows << 2);
  for (; index < end; index += 4, scratch += width) {
    const at = panel + <usize>load<u32>(index) * stride;
    // Rows come in ascending order, so what is written too far is overwritten by the next.
    for (let k: usize = 0; k < width; k += 16) v128.store(scratch + k, v128.load(at + k));
  }
}

function addGroup(group: i32, histogram: usize, bins: usize, stride: usize, pairs: usize, rows: i32): void {
  const first = group * GROUP;
  const last = min(first + GROUP, control(FEATURES));
  const offsets = address(A_HIST_OFFSET);
  const used = usedFeatures;
  // Up to four features a pass: their bins are on their way at the same time.
  let count = 0;
  let s0: u32 = 0;
  let s1: u32 = 0;
  let s2: u32 = 0;
  let h0: usize = 0;
  let h1: usize = 0;
  let h2: usize = 0;
  for (let f = first; f < last; f++) {
    if (!load<u8>(used + f)) continue;
    const shift: u32 = (f - first) << 3;
    const base = histogram + load<u32>(offsets + (f << 2)) * ENTRY_BYTES;
    if (count === 3) {
      addFour(bins, stride, pairs, rows, h0, h1, h2, base);
      return;
    }
    if (count === 2) {
      s2 = shift;
      h2 = base;
    } else if (count === 1) {
      s1 = shift;
      h1 = base;
    } else {
      s0 = shift;
      h0 = base;
    }
    count++;
  }
  if (count === 3) addThree(bins, stride, pairs, rows, s0, h0, s1, h1, s2, h2);
  else if (count === 2) addTwo(bins, stride, pairs, rows, s0, h0, s1, h1);
  else if (count === 1) addOne(bins, stride, pairs, rows, s0, h0);
}

// @ts-expect-error: decorator
@inline
function bump(bin: usize, pair: v128): void {
  v128.store(bin, i64x2.add(v128.load(bin), pair));
}

function addFour(
  bins: usize,
  stride: usize,
  pairs: usize,
  rows: i32,
  h0: usize,
  h1: usize,
  h2: usize,
  h3: usize,
): void {
  const end = pairs + (<usize>rows << 4);
  for (; pairs < end; pairs += 16, bins += stride) {
    const word = load<u32>(bins);
    const pair = v128.load(pairs);
    bump(h0 + ((word << 4) & 0xff0), pair);
    bump(h1 + ((word >> 4) & 0xff0), pair);
    bump(h2 + ((word >> 12) & 0xff0), pair);
    bump(h3 + ((word >> 20) & 0xff0), pair);
  }
}

function addThree(
  bins: usize,
  stride: usize,
  pairs: usize,
  rows: i32,
  s0: u32,
  h0: usize,
  s1: u32,
  h1: usize,
  s2: u32,
  h2: usize,
): void {
  const end = pairs + (<usize>rows << 4);
  for (; pairs < end; pairs += 16, bins += stride) {
    const word = load<u32>(bins);
    const pair = v128.load(pairs);
    bump(h0 + (((word >> s0) & 255) << 4), pair);
    bump(h1 + (((word >> s1) & 255) << 4), pair);
    bump(h2 + (((word >> s2) & 255) << 4), pair);
  }
}

function addTwo(bins: usize, stride: usize, pairs: usize, rows: i32, s0: u32, h0: usize, s1: u32, h1: usize): void {
  const end = pairs + (<usize>rows << 4);
  for (; pairs < end; pairs += 16, bins += stride) {
    const word = load<u32>(bins);
    const pair = v128.load(pairs);
    bump(h0 + (((word >> s0) & 255) << 4), pair);
    bump(h1 + (((word >> s1) & 255) << 4), pair);
  }
}

function addOne(bins: usize, stride: usize, pairs: usize, rows: i32, s0: u32, h0: usize): void {
  const end = pairs + (<usize>rows << 4);
  for (; pairs < end; pairs += 16, bins += stride) {
    bump(h0 + (((load<u32>(bins) >> s0) & 255) << 4), v128.load(pairs));
  }
}

/** Entries [from, to) of one group's features in a histogram. */
export function groupFrom(group: i32): usize {
  return load<u32>(address(A_HIST_OFFSET) + (<usize>(group * GROUP) << 2)) * ENTRY_BYTES;
}

export function groupTo(group: i32): usize {
  const next = (group + 1) * GROUP;
  const entries = next < control(FEATURES) ? load<u32>(address(A_HIST_OFFSET) + (<usize>next << 2)) : control(HIST_ENTRIES);
  return <usize>entries * ENTRY_BYTES;
}

/** whole ← whole − part, over [from, to) bytes. */
export function subtract(whole: usize, part: usize, from: usize, to: usize): void {
  for (let at = from; at < to; at += 16) {
    v128.store(whole + at, i64x2.sub(v128.load(whole + at), v128.load(part + at)));
  }
}
