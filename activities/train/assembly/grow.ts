import { address, control } from './control';
import { addRows, groupFrom, groupTo, subtract } from './histogram';
import * as L from './layout';
import { BEST, COUNT, COUNTED, DEPTH, GRADIENT, HIGH, histogramAt, LOW, leafAt, NODE, nodeAt, SLOT, START, writeLeaf } from './leaves';
import { divide, gather, settle } from './partition';
import { fillRoutes, findSplit, R_BIN, R_FEATURE, R_FLAGS, R_GAIN, R_LEFT, R_SET, rowsOf, SORT_BYTES, stepOf } from './split';
import { barrier } from './sync';

/*
 * One tree, grown by all threads together. The leader (thread 0) decides which leaf is split; then every thread sorts a share
 * of its rows and fills histograms of features that no other thread has. What a thread finds depends on its features alone,
 * and the best of them is taken in the order of features: any number of threads grows the same tree.
 */

// What the leader has decided, for all.
const LEAVES: usize = L.SHARED + 512;
const NODES: usize = L.SHARED + 516;
export const SETS: usize = L.SHARED + 520;
const SPLIT: usize = L.SHARED + 524;
const SMALL: usize = L.SHARED + 528;
const LARGE: usize = L.SHARED + 532;
const WANTED: usize = L.SHARED + 536;
const SLOTS_USED: usize = L.SHARED + 540;
const FEATURE: usize = L.SHARED + 544;
const ROUTES: usize = L.SHARED + 768;
/** Left rows of each thread's share. */
const LEFTS: usize = L.SHARED + 1024;

/** Fewer rows are sorted by the leader alone: the others would wait longer for each other. */
const SHARED_ROWS: i32 = 16_384;

export function leafCount(): i32 {
  return load<i32>(LEAVES);
}

export function nodeCount(): i32 {
  return load<i32>(NODES);
}

/**
 * Grows one tree over the first `rows` rows of the index.
 *
 * @param inOrder the index is 0, 1, 2, …
 */
export function growTree(thread: i32, rows: i32, inOrder: bool): void {
  if (thread === 0) openTree(rows);
  barrier();
  fillHistograms(thread, inOrder ? 0 : address(L.A_INDEX), inOrder ? address(L.A_PAIRS) : address(L.A_ORDERED), true);
  barrier();
  if (thread === 0) setTotals();
  for (;;) {
    if (thread === 0) decide();
    barrier();
    if (load<i32>(SPLIT) < 0) return;
    moveRows(thread);
    barrier();
    if (load<i32>(WANTED) !== 0) fillHistograms(thread, address(L.A_INDEX), address(L.A_ORDERED), false);
    barrier();
  }
}

function openTree(rows: i32): void {
  store<i32>(LEAVES, 1);
  store<i32>(NODES, 1);
  store<i32>(SETS, 0);
  store<i32>(SLOTS_USED, 1);
  store<i32>(SPLIT, -1);
  store<i32>(SMALL, 0);
  store<i32>(LARGE, -1);
  store<i32>(WANTED, 1);
  writeLeaf(0, rows);
  const leaf = leafAt(0);
  memory.fill(leaf, 0, L.LEAF_BYTES);
  store<i32>(leaf, rows, COUNT);
  store<f64>(leaf, -Infinity, LOW);
  store<f64>(leaf, Infinity, HIGH);
}

/** Sums of a histogram's bins of one feature. */
function sumBins(histogram: usize, f: i32): v128 {
  let at = histogram + load<u32>(address(L.A_HIST_OFFSET) + (<usize>f << 2)) * L.ENTRY_BYTES;
  let sum = i64x2.splat(0);
  for (let b = load<i32>(address(L.A_BIN_COUNT) + (<usize>f << 2)); b >= 0; b--, at += 16) {
    sum = i64x2.add(sum, v128.load(at));
  }
  return sum;
}

function setTotals(): void {
  const used = address(L.A_USED);
  let f = 0;
  while (!load<u8>(used + f)) f++;
  v128.store(leafAt(0) + GRADIENT, sumBins(histogramAt(0), f));
}

/** Histograms of the small child, of the large one by subtraction, and the best split of both by each feature of a thread. */
function fillHistograms(thread: i32, index: usize, pairs: usize, root: bool): void {
  const features = control(L.FEATURES);
  const groups = (features + L.GROUP - 1) / L.GROUP;
  const first = <i32>((<i64>groups * thread) / control(L.THREADS));
  const end = <i32>((<i64>groups * (thread + 1)) / control(L.THREADS));
  if (first === end) return;
  const small = leafAt(load<i32>(SMALL));
  const large = load<i32>(LARGE);
  const from = groupFrom(first);
  const to = groupTo(end - 1);
  const histogram = histogramAt(load<i32>(small, SLOT));
  const scratch = address(L.A_OWN) + <usize>thread * control(L.OWN_BYTES) + SORT_BYTES;
  fillOne(scratch, first, end, small, histogram, from, to, index, pairs);
  if (large >= 0) {
    const whole = histogramAt(load<i32>(leafAt(large), SLOT));
    if (load<i32>(WANTED) === 1) subtract(whole, histogram, from, to);
    else fillOne(scratch, first, end, leafAt(large), whole, from, to, index, pairs); // The parent's was given away.
  }
  for (let f = first * L.GROUP, last = min(end * L.GROUP, features); f < last; f++) {
    if (!load<u8>(address(L.A_USED) + f)) continue;
    if (root) v128.store(recordAt(features + f), sumBins(histogram, f));
    findIn(small, f, root ? recordAt(features + f) : small + GRADIENT, recordAt(f));
    if (large >= 0) findIn(leafAt(large), f, leafAt(large) + GRADIENT, recordAt(features + f));
  }
}

function fillOne(
  scratch: usize,
  first: i32,
  end: i32,
  leaf: usize,
  histogram: usize,
  from: usize,
  to: usize,
  index: usize,
  pairs: usize,
): void {
  memory.fill(histogram + from, 0, to - from);
  const place: usize = load<i32>(leaf, START);
  const rows: usize = index === 0 ? 0 : index + (place << 2);
  addRows(first, end, histogram, rows, pairs + (place << 4), load<i32>(leaf, COUNT), scratch);
}

// @ts-expect-error: decorator
@inline
function recordAt(i: i32): usize {
  return address(L.A_RECORDS) + <usize>i * L.RECORD_BYTES;
}

function findIn(leaf: usize, f: i32, totals: usize, record: usize): void {
  const offset = <usize>load<u32>(address(L.A_HIST_OFFSET) + (<usize>f << 2)) * L.ENTRY_BYTES;
  findSplit(
    f,
    histogramAt(load<i32>(leaf, SLOT)) + offset,
    0,
    load<i64>(totals),
    load<i64>(totals, 8),
    load<f64>(leaf, LOW),
    load<f64>(leaf, HIGH),
    record,
  );
}

/** Takes the best records of the children, chooses the leaf to split, and writes its split down. */
function decide(): void {
  if (load<i32>(WANTED) !== 0) {
    takeBest(load<i32>(SMALL), 0);
    if (load<i32>(LARGE) >= 0) takeBest(load<i32>(LARGE), control(L.FEATURES));
  }
  const leaf = chooseLeaf();
  store<i32>(SPLIT, leaf);
  if (leaf >= 0) splitLeaf(leaf);
}

function takeBest(leaf: i32, records: i32): void {
  const best = leafAt(leaf) + BEST;
  store<f64>(best, -1.0, R_GAIN);
  const depth = load<i32>(leafAt(leaf), DEPTH);
  if (control(L.MAX_DEPTH) > 0 && depth >= control(L.MAX_DEPTH)) return;
  for (let f = 0, features = control(L.FEATURES); f < features; f++) {
    if (!load<u8>(address(L.A_USED) + f)) continue;
    const record = recordAt(records + f);
    if (load<f64>(record, R_GAIN) > load<f64>(best, R_GAIN)) memory.copy(best, record, L.RECORD_BYTES);
  }
}

function chooseLeaf(): i32 {
  const leaves = load<i32>(LEAVES);
  if (leaves >= control(L.NUM_LEAVES)) return -1;
  const byDepth = control(L.DEPTH_WISE) !== 0;
  let chosen = -1;
  let bestGain: f64 = 0;
  let bestDepth = 0;
  for (let i = 0; i < leaves; i++) {
    const gain = load<f64>(leafAt(i), BEST + R_GAIN);
    if (!(gain > 0)) continue;
    const depth = load<i32>(leafAt(i), DEPTH);
    if (chosen >= 0 && (byDepth ? depth > bestDepth || (depth === bestDepth && gain <= bestGain) : gain <= bestGain)) continue;
    chosen = i;
    bestGain = gain;
    bestDepth = depth;
  }
  return chosen;
}

/** The left child takes the leaf's number, the right one a new one; the larger of them takes the histogram. */
function splitLeaf(leaf: i32): void {
  const left = leafAt(leaf);
  const best = left + BEST;
  const f = load<i32>(best, R_FEATURE);
  const flags = load<i32>(best, R_FLAGS);
  const other = load<i32>(LEAVES);
  const right = leafAt(other);
  const rows = load<i32>(left, COUNT);
  const leftRows = rowsOf(load<i64>(best, R_LEFT + 8));
  fillRoutes(ROUTES, f, load<i32>(best, R_BIN), flags, best + R_SET);
  writeSplit(left, f, flags);
  store<i32>(FEATURE, f);
  store<i32>(LEAVES, other + 1);

  memory.copy(right, left, BEST);
  store<i32>(right, load<i32>(left, START) + leftRows, START);
  store<i32>(left, leftRows, COUNT);
  store<i32>(right, rows - leftRows, COUNT);
  const totals = v128.load(left + GRADIENT);
  const leftTotals = v128.load(best + R_LEFT);
  v128.store(left + GRADIENT, leftTotals);
  v128.store(right + GRADIENT, i64x2.sub(totals, leftTotals));
  const nodes = load<i32>(NODES);
  store<i32>(left, nodes, NODE);
  store<i32>(right, nodes + 1, NODE);
  writeLeaf(nodes, leftRows);
  writeLeaf(nodes + 1, rows - leftRows);
  store<i32>(NODES, nodes + 2);
  const depth = load<i32>(left, DEPTH) + 1;
  store<i32>(left, depth, DEPTH);
  store<i32>(right, depth, DEPTH);
  // A place in the pool belongs to one leaf at a time.
  store<i32>(right, -1, SLOT);
  narrow(left, right, load<i8>(address(L.A_DIRECTION) + f));
  store<f64>(right, -1.0, BEST + R_GAIN);

  const leftIsSmall = leftRows <= rows - leftRows;
  store<i32>(SMALL, leftIsSmall ? leaf : other);
  store<i32>(LARGE, leftIsSmall ? other : leaf);
  const done = other + 1 >= control(L.NUM_LEAVES) || (control(L.MAX_DEPTH) > 0 && depth >= control(L.MAX_DEPTH));
  store<f64>(left, -1.0, BEST + R_GAIN);
  store<i32>(WANTED, done ? 0 : giveSlots(load<i32>(SMALL), load<i32>(LARGE)));
}

function writeSplit(leaf: usize, f: i32, flags: i32): void {
  const best = leaf + BEST;
  const node = nodeAt(load<i32>(leaf, NODE));
  store<i32>(node, load<i32>(NODES));
  store<u16>(node, f, L.NODE_FEATURE);
  store<u8>(node, load<i32>(best, R_BIN), L.NODE_BIN);
  store<u8>(node, flags, L.NODE_FLAGS);
  store<f32>(node, <f32>load<f64>(best, R_GAIN), L.NODE_GAIN);
  if (!(flags & L.BY_SET)) return;
  const sets = load<i32>(SETS);
  memory.copy(address(L.A_SETS) + <usize>sets * L.SET_BYTES, best + R_SET, L.SET_BYTES);
  store<i32>(node, sets, L.NODE_VALUE);
  store<i32>(SETS, sets + 1);
}

/** A monotone split keeps all below it on their sides of the middle between its children's steps. */
function narrow(left: usize, right: usize, direction: i32): void {
  if (direction === 0) return;
  const low = load<f64>(left, LOW);
  const high = load<f64>(left, HIGH);
  const middle =
    (stepOf(load<i64>(left, GRADIENT), load<i64>(left, COUNTED), low, high) +
      stepOf(load<i64>(right, GRADIENT), load<i64>(right, COUNTED), low, high)) *
    0.5;
  store<f64>(left + (direction > 0 ? HIGH : LOW), middle);
  store<f64>(right + (direction > 0 ? LOW : HIGH), middle);
}

/**
 * Places in the pool for both children's histograms.
 *
 * @returns 1 where the large child stands in its parent's place, so that subtraction will do; 2 where both are filled
 */
function giveSlots(small: i32, large: i32): i32 {
  const parent = load<i32>(leafAt(large), SLOT);
  store<i32>(leafAt(small), -1, SLOT);
  store<i32>(leafAt(large), parent, SLOT);
  if (parent < 0) store<i32>(leafAt(large), takeSlot(small, large), SLOT);
  store<i32>(leafAt(small), takeSlot(small, large), SLOT);
  return parent < 0 ? 2 : 1;
}

/** A free place, or that of the leaf that gains least by its split. */
function takeSlot(small: i32, large: i32): i32 {
  const used = load<i32>(SLOTS_USED);
  if (used < control(L.HIST_SLOTS)) {
    store<i32>(SLOTS_USED, used + 1);
    return used;
  }
  let worst = -1;
  for (let i = 0, leaves = load<i32>(LEAVES); i < leaves; i++) {
    if (i === small || i === large || load<i32>(leafAt(i), SLOT) < 0) continue;
    if (worst < 0 || load<f64>(leafAt(i), BEST + R_GAIN) < load<f64>(leafAt(worst), BEST + R_GAIN)) worst = i;
  }
  const slot = load<i32>(leafAt(worst), SLOT);
  store<i32>(leafAt(worst), -1, SLOT);
  return slot;
}

/** Sorts the rows of the leaf that is split, and lays out the pairs of the children whose histograms will be filled. */
function moveRows(thread: i32): void {
  const small = load<i32>(SMALL);
  const left = leafAt(load<i32>(SPLIT));
  const right = leafAt(leafCount() - 1);
  const start = load<i32>(left, START);
  const middle = load<i32>(right, START);
  const rows = load<i32>(left, COUNT) + load<i32>(right, COUNT);
  const index = address(L.A_INDEX);
  const scratch = address(L.A_SCRATCH);
  const threads = rows < SHARED_ROWS ? 1 : control(L.THREADS);
  if (thread >= threads) return;
  const from = start + <i32>((<i64>rows * thread) / threads);
  const to = start + <i32>((<i64>rows * (thread + 1)) / threads);
  const lefts = divide(index, scratch, from, to, load<i32>(FEATURE), ROUTES);
  let before = 0;
  if (threads > 1) {
    store<i32>(LEFTS + (<usize>thread << 2), lefts);
    barrier();
    for (let t = 0; t < thread; t++) before += load<i32>(LEFTS + (<usize>t << 2));
  }
  const leftPlace = start + before;
  const rightPlace = middle + (from - start - before);
  settle(index, scratch, from, to, lefts, leftPlace, rightPlace);
  const wanted = load<i32>(WANTED);
  if (wanted === 0) return;
  const leftIsSmall = small === load<i32>(SPLIT);
  if (wanted === 2 || leftIsSmall) order(leftPlace, lefts);
  if (wanted === 2 || !leftIsSmall) order(rightPlace, to - from - lefts);
}

function order(place: i32, count: i32): void {
  gather(address(L.A_INDEX) + (<usize>place << 2), count, address(L.A_PAIRS), address(L.A_ORDERED) + (<usize>place << 4));
}
