import { panelOf, strideOf } from './bins';
import { addGradients, fixPairs, openUnits } from './boost';
import { address, control } from './control';
import { addRows, BLOCK_BYTES, copyBins, openFeatures, subtract } from './histogram';
import * as L from './layout';
import { mix } from './numbers';
import { divide, gather, settle } from './partition';
import { fillRoutes, findSplit, openSort, openSplits, R_BIN, R_FEATURE, R_FLAGS, R_GAIN, R_LEFT, R_SET, rowsOf, SORT_BYTES, stepOf } from './split';
import { barrier, takeItem } from './sync';

// @ts-expect-error: decorator
@external('host', 'emit')
declare function emit(round: i32, nodesAt: usize, nodes: i32, setsAt: usize, sets: i32, loss: f64): void;

/** Nodes of so few rows have no histogram: their bins are counted where they stand. At most a block. */
const FEW: i32 = 256;
/** A row is drawn for a tree at most so often, which bounds its sums. */
const MOST_DRAWS: i64 = 15;
const SPARE_BITS: i32 = 4;

/** A node that waits: number, first row, rows, depth, histogram or −1, totals. */
const WAITING_BYTES: i32 = 48;
const W_START: usize = 4;
const W_COUNT: usize = 8;
const W_DEPTH: usize = 12;
const W_SLOT: usize = 16;
const W_TOTALS: usize = 32;

// Memory of this thread; an instance belongs to one.
let sort: usize = 0;
let block: usize = 0;
let index: usize = 0;
let scratch: usize = 0;
let pairs: usize = 0;
let ordered: usize = 0;
let nodes: usize = 0;
let sets: usize = 0;
let used: usize = 0;
let shuffle: usize = 0;
let record: usize = 0;
let routes: usize = 0;
let few: usize = 0;
let waiting: usize = 0;
let freeSlots: usize = 0;
let histograms: usize = 0;
let histogramBytes: usize = 0;

let nodeCount: i32 = 0;
let setCount: i32 = 0;
let waitingCount: i32 = 0;
let freeCount: i32 = 0;
let draws: u32 = 0;
let tree: i32 = 0;

/**
 * A forest of trees that predict means (Breiman 2001), each grown whole by one thread, depth first. What a tree is depends on
 * its number alone. Every sum is of whole numbers, as in boosting.
 */
export function forest(thread: i32): void {
  addGradients(thread);
  barrier();
  if (thread === 0) openUnits(control(L.BOOTSTRAP) !== 0 ? SPARE_BITS : 0);
  barrier();
  fixPairs(thread);
  barrier();
  openOwn(thread);
  openSort(sort);
  openSplits();
  openFeatures(used);
  for (tree = takeItem(); tree < control(L.ITERATIONS); tree = takeItem()) {
    growAlone(drawSample());
    emit(tree, nodes, nodeCount, sets, setCount, 0);
  }
}

function openOwn(thread: i32): void {
  const rows: usize = control(L.ROWS);
  const features: usize = control(L.FEATURES);
  let at = address(L.A_OWN) + <usize>thread * address(L.OWN_BYTES);
  pairs = at;
  at += rows * 16;
  ordered = at;
  at += rows * 16;
  index = at;
  at += rows * 4;
  scratch = at;
  at += rows * 4;
  nodes = at;
  at += 2 * rows * L.NODE_BYTES;
  sort = (at + 15) & ~15;
  block = sort + SORT_BYTES;
  routes = block + BLOCK_BYTES;
  few = routes + 256;
  waiting = few + L.MAX_BINS * L.ENTRY_BYTES + 32;
  freeSlots = waiting + WAITING_BYTES * 64;
  record = freeSlots + 4 * 64;
  used = record + 2 * L.RECORD_BYTES;
  shuffle = (used + features + 3) & ~3;
  histograms = (shuffle + features * 4 + 15) & ~15;
  histogramBytes = <usize>control(L.HIST_ENTRIES) * L.ENTRY_BYTES;
  sets = histograms + <usize>control(L.HIST_SLOTS) * histogramBytes;
  memory.fill(used, 1, features);
}

/** The rows of a tree, in ascending order, and how often each counts. */
function drawSample(): i32 {
  const rows = control(L.TRAIN_ROWS);
  const train = address(L.A_TRAIN);
  const base = address(L.A_PAIRS);
  draws = 0;
  if (control(L.BOOTSTRAP) === 0) {
    for (let i = 0; i < rows; i++) {
      const row: u32 = train === 0 ? i : load<u32>(train + (<usize>i << 2));
      store<u32>(index + (<usize>i << 2), row);
      v128.store(pairs + (<usize>row << 4), v128.load(base + (<usize>row << 4)));
    }
    return rows;
  }
  const bits = control(L.HESSIAN_BITS);
  memory.fill(pairs, 0, <usize>control(L.ROWS) << 4);
  for (let i = 0; i < rows; ) {
    const drawn = <i32>(((<u64>random()) * <u64>rows) >> 32);
    const row: u32 = train === 0 ? drawn : load<u32>(train + (<usize>drawn << 2));
    const cell = pairs + (<usize>row << 4);
    if (load<i64>(cell, 8) >> bits >= MOST_DRAWS) continue;
    v128.store(cell, i64x2.add(v128.load(cell), v128.load(base + (<usize>row << 4))));
    i++;
  }
  let count = 0;
  for (let row = 0, all = control(L.ROWS); row < all; row++) {
    store<u32>(index + (<usize>count << 2), row);
    count += load<i64>(pairs + (<usize>row << 4), 8) !== 0 ? 1 : 0;
  }
  return count;
}

function random(): u32 {
  draws++;
  return mix(control(L.SEED), tree, draws);
}

function slotAt(slot: i32): usize {
  return histograms + <usize>slot * histogramBytes;
}

function takeSlot(): i32 {
  freeCount--;
  return load<i32>(freeSlots + (<usize>freeCount << 2));
}

function freeSlot(slot: i32): void {
  if (slot < 0) return;
  store<i32>(freeSlots + (<usize>freeCount << 2), slot);
  freeCount++;
}

function growAlone(rows: i32): void {
  nodeCount = 1;
  setCount = 0;
  waitingCount = 0;
  freeCount = 0;
  for (let slot = control(L.HIST_SLOTS) - 1; slot >= 0; slot--) freeSlot(slot);
  let sum = i64x2.splat(0);
  for (let i = 0; i < rows; i++) sum = i64x2.add(sum, v128.load(pairs + (<usize>load<u32>(index + (<usize>i << 2)) << 4)));
  wait(0, 0, rows, 0, -1, sum);
  while (waitingCount > 0) {
    waitingCount--;
    grow(waiting + <usize>waitingCount * WAITING_BYTES);
  }
}

function wait(node: i32, start: i32, count: i32, depth: i32, slot: i32, totals: v128): void {
  const at = waiting + <usize>waitingCount * WAITING_BYTES;
  waitingCount++;
  store<i32>(at, node);
  store<i32>(at, start, W_START);
  store<i32>(at, count, W_COUNT);
  store<i32>(at, depth, W_DEPTH);
  store<i32>(at, slot, W_SLOT);
  v128.store(at + W_TOTALS, totals);
}

/** Splits a node, or makes it a leaf. The smaller child is grown first, so that few wait. */
function grow(at: usize): void {
  const node = load<i32>(at);
  const start = load<i32>(at, W_START);
  const count = load<i32>(at, W_COUNT);
  const depth = load<i32>(at, W_DEPTH);
  let slot = load<i32>(at, W_SLOT);
  const totals = v128.load(at + W_TOTALS);
  const place = nodes + <usize>node * L.NODE_BYTES;
  const g = i64x2.extract_lane(totals, 0);
  const c = i64x2.extract_lane(totals, 1);
  memory.fill(place, 0, L.NODE_BYTES);
  store<u32>(place, rowsOf(c), L.NODE_ROWS);
  store<f64>(record, -1.0, R_GAIN);
  const limit = control(L.MAX_DEPTH);
  if ((limit === 0 || depth < limit) && count > 1) {
    chooseFeatures();
    if (count <= FEW) splitFew(start, count, g, c);
    else {
      if (slot < 0) {
        slot = takeSlot();
        fill(slot, start, count);
      }
      splitMany(slot, g, c);
    }
  }
  if (!(load<f64>(record, R_GAIN) > 0)) {
    freeSlot(slot);
    store<i32>(place, -1);
    store<f32>(place, <f32>stepOf(g, c, -Infinity, Infinity), L.NODE_VALUE);
    return;
  }
  const lefts = splitNode(place, start, count);
  const leftTotals = v128.load(record + R_LEFT);
  const rightTotals = i64x2.sub(totals, leftTotals);
  const leftIsSmall = lefts <= count - lefts;
  const smallStart = leftIsSmall ? start : start + lefts;
  const smallCount = leftIsSmall ? lefts : count - lefts;
  const left = nodeCount;
  nodeCount += 2;
  let smallSlot = -1;
  // With other features at each node there is nothing to subtract from.
  const kept = slot >= 0 && count - smallCount > FEW && control(L.FEATURE_QUOTA) >= control(L.FEATURES);
  if (kept) {
    smallSlot = takeSlot();
    fill(smallSlot, smallStart, smallCount);
    subtract(slotAt(slot), slotAt(smallSlot), 0, histogramBytes);
    if (smallCount <= FEW) {
      freeSlot(smallSlot);
      smallSlot = -1;
    }
  } else {
    freeSlot(slot);
    slot = -1;
  }
  wait(leftIsSmall ? left + 1 : left, leftIsSmall ? start + lefts : start, count - smallCount, depth + 1, slot, leftIsSmall ? rightTotals : leftTotals);
  wait(leftIsSmall ? left : left + 1, smallStart, smallCount, depth + 1, smallSlot, leftIsSmall ? leftTotals : rightTotals);
}

/** Writes the split of a record into a node and sorts its rows; the number of left ones. */
function splitNode(place: usize, start: i32, count: i32): i32 {
  const f = load<i32>(record, R_FEATURE);
  const flags = load<i32>(record, R_FLAGS);
  store<i32>(place, nodeCount);
  store<u16>(place, f, L.NODE_FEATURE);
  store<u8>(place, load<i32>(record, R_BIN), L.NODE_BIN);
  store<u8>(place, flags, L.NODE_FLAGS);
  store<f32>(place, <f32>load<f64>(record, R_GAIN), L.NODE_GAIN);
  if (flags & L.BY_SET) {
    memory.copy(sets + <usize>setCount * L.SET_BYTES, record + R_SET, L.SET_BYTES);
    store<i32>(place, setCount, L.NODE_VALUE);
    setCount++;
  }
  fillRoutes(routes, f, load<i32>(record, R_BIN), flags, record + R_SET);
  const lefts = divide(index, scratch, start, start + count, f, routes);
  settle(index, scratch, start, start + count, lefts, start, start + lefts);
  return lefts;
}

/** The features of this node: all, or the first of a seeded shuffle. */
function chooseFeatures(): void {
  const features = control(L.FEATURES);
  const quota = control(L.FEATURE_QUOTA);
  if (quota >= features) return;
  memory.fill(used, 0, features);
  for (let f = 0; f < features; f++) store<i32>(shuffle + (<usize>f << 2), f);
  for (let i = 0; i < quota; i++) {
    const j = i + <i32>((<u64>random() * <u64>(features - i)) >> 32);
    const chosen = load<i32>(shuffle + (<usize>j << 2));
    store<i32>(shuffle + (<usize>j << 2), load<i32>(shuffle + (<usize>i << 2)));
    store<u8>(used + chosen, 1);
  }
}

function fill(slot: i32, start: i32, count: i32): void {
  const at = index + (<usize>start << 2);
  gather(at, count, pairs, ordered);
  memory.fill(slotAt(slot), 0, histogramBytes);
  addRows(0, (control(L.FEATURES) + L.GROUP - 1) / L.GROUP, slotAt(slot), at, ordered, count, block);
}

function keepBetter(): void {
  const other = record + L.RECORD_BYTES;
  if (load<f64>(other, R_GAIN) > load<f64>(record, R_GAIN)) memory.copy(record, other, L.RECORD_BYTES);
}

function splitMany(slot: i32, g: i64, c: i64): void {
  for (let f = 0, features = control(L.FEATURES); f < features; f++) {
    if (!load<u8>(used + f)) continue;
    const offset = <usize>load<u32>(address(L.A_HIST_OFFSET) + (<usize>f << 2)) * L.ENTRY_BYTES;
    findSplit(f, slotAt(slot) + offset, 0, g, c, -Infinity, Infinity, record + L.RECORD_BYTES);
    keepBetter();
  }
}

/** Counts the bins of few rows feature by feature; a bit a bin says where rows are, so that nothing is cleared or scanned. */
function splitFew(start: i32, count: i32, g: i64, c: i64): void {
  const features = control(L.FEATURES);
  const at = index + (<usize>start << 2);
  const bitmap = few + L.MAX_BINS * L.ENTRY_BYTES;
  gather(at, count, pairs, ordered);
  for (let first = 0; first < features; first += L.PANEL) {
    const group = first / L.GROUP;
    const width = strideOf(group);
    copyBins(panelOf(group), width, at, count, width, block);
    for (let f = first, end = min(first + L.PANEL, features); f < end; f++) {
      if (!load<u8>(used + f)) continue;
      countBins(block + (f - first), width, count, f, bitmap);
      findSplit(f, few, bitmap, g, c, -Infinity, Infinity, record + L.RECORD_BYTES);
      keepBetter();
    }
  }
}

function countBins(bins: usize, width: usize, count: i32, f: i32, bitmap: usize): void {
  v128.store(bitmap, i64x2.splat(0));
  v128.store(bitmap + 16, i64x2.splat(0));
  // The bin of what is missing is read whether it was met or not.
  const missing = load<i32>(address(L.A_BIN_COUNT) + (<usize>f << 2));
  v128.store(few + (<usize>missing << 4), i64x2.splat(0));
  const end = ordered + (<usize>count << 4);
  for (let pair = ordered; pair < end; pair += 16, bins += width) {
    const b: usize = load<u8>(bins);
    const word = bitmap + ((b >> 6) << 3);
    const bit = <u64>1 << (b & 63);
    const cell = few + (b << 4);
    const known = load<u64>(word);
    const before = known & bit ? v128.load(cell) : i64x2.splat(0);
    v128.store(cell, i64x2.add(before, v128.load(pair)));
    store<u64>(word, known | bit);
  }
}
