import { address, control, param } from './control';
import { growTree, leafCount, nodeCount, SETS } from './grow';
import { openFeatures } from './histogram';
import * as L from './layout';
import { COUNT, COUNTED, GRADIENT, HIGH, LOW, leafAt, NODE, nodeAt, START } from './leaves';
import { exponentAbove, mix, powerOfTwo } from './numbers';
import { gradients, lossOf, toFixed } from './objective';
import { gather } from './partition';
import { quantileOfLeaf } from './quantile';
import { GRADIENT_UNIT, HESSIAN_UNIT, openSort, openSplits, stepOf } from './split';
import { barrier, openItems, takeItem } from './sync';

/** Called by the leader for each tree: where its nodes and sets lie and how many they are; the loss of the rows held out, else 0. */
// @ts-expect-error: decorator
@external('host', 'emit')
declare function emit(round: i32, nodesAt: usize, nodes: i32, setsAt: usize, sets: i32, loss: f64): void;

const STOP: usize = L.SHARED + 640;
const IN_BAG: usize = L.SHARED + 644;
const BEST_ROUND: usize = L.SHARED + 648;
const BEST_LOSS: usize = L.SHARED + 656;
const GRADIENT_SCALE: usize = L.SHARED + 664;
const HESSIAN_SCALE: usize = L.SHARED + 672;

/** First of the items that thread t of T takes from n. */
// @ts-expect-error: decorator
@inline
function share(n: i32, t: i32): i32 {
  return <i32>((<i64>n * t) / control(L.THREADS));
}

/**
 * Gradient boosting by second-order steps (Friedman 2001; Chen and Guestrin 2016) over histograms (Ke et al. 2017). Called by
 * all threads of a fit at once; scores start where the host has set them.
 */
export function boost(thread: i32): void {
  openSort(address(L.A_OWN) + <usize>thread * control(L.OWN_BYTES));
  openFeatures(address(L.A_USED));
  if (thread === 0) {
    store<i32>(STOP, 0);
    store<i32>(BEST_ROUND, -1);
    store<f64>(BEST_LOSS, Infinity);
  }
  for (let round = 0, rounds = control(L.ITERATIONS); round < rounds; round++) {
    addGradients(thread);
    barrier();
    if (thread === 0) openRound(round);
    barrier();
    fixPairs(thread);
    const drawn = control(L.BAGGING) !== 0;
    if (!drawn) fillIndex(share(control(L.TRAIN_ROWS), thread), share(control(L.TRAIN_ROWS), thread + 1));
    openSplits();
    barrier();
    const inBag = load<i32>(IN_BAG);
    const inOrder = !drawn && address(L.A_TRAIN) === 0;
    if (!inOrder) {
      const place: usize = share(inBag, thread);
      const count = share(inBag, thread + 1) - <i32>place;
      gather(address(L.A_INDEX) + (place << 2), count, address(L.A_PAIRS), address(L.A_ORDERED) + (place << 4));
    }
    growTree(thread, inBag, inOrder);
    if (thread === 0) openItems();
    barrier();
    setValues();
    barrier();
    addScores(thread);
    barrier();
    addLoss(thread);
    barrier();
    if (thread === 0) closeRound(round);
    barrier();
    if (load<i32>(STOP) !== 0) return;
  }
}

/** Gradients of whole chunks by each thread, so that sums do not depend on how many there are. */
export function addGradients(thread: i32): void {
  const rows = control(L.ROWS);
  const chunks = (rows + L.CHUNK - 1) / L.CHUNK;
  for (let c = share(chunks, thread), end = share(chunks, thread + 1); c < end; c++) {
    gradients(c * L.CHUNK, min(rows, (c + 1) * L.CHUNK), address(L.A_CHUNKS) + (<usize>c << 4));
  }
}

/**
 * Chooses the fixed point for the sums of a tree.
 *
 * @param spare bits kept free, where a row may count more than once
 */
export function openUnits(spare: i32): void {
  const chunks = (control(L.ROWS) + L.CHUNK - 1) / L.CHUNK;
  let gradient: f64 = 0;
  let hessian: f64 = 0;
  for (let c = 0; c < chunks; c++) {
    gradient += load<f64>(address(L.A_CHUNKS) + (<usize>c << 4));
    hessian += load<f64>(address(L.A_CHUNKS) + (<usize>c << 4), 8);
  }
  // No sum of any rows can leave its bits: a power of two above the sum of sizes, and one bit for what rounding adds.
  const g = 61 - spare - exponentAbove(gradient);
  const h = control(L.HESSIAN_BITS) - 1 - spare - exponentAbove(hessian);
  store<f64>(GRADIENT_SCALE, powerOfTwo(g));
  store<f64>(HESSIAN_SCALE, powerOfTwo(h));
  store<f64>(GRADIENT_UNIT, powerOfTwo(-g));
  store<f64>(HESSIAN_UNIT, powerOfTwo(-h));
}

/** Turns a thread's share of the pairs into fixed point. */
export function fixPairs(thread: i32): void {
  const rows = control(L.ROWS);
  const one: i64 = <i64>1 << control(L.HESSIAN_BITS);
  toFixed(share(rows, thread), share(rows, thread + 1), load<f64>(GRADIENT_SCALE), load<f64>(HESSIAN_SCALE), one);
}

function openRound(round: i32): void {
  openUnits(0);
  chooseFeatures(round);
  if (control(L.BAGGING) !== 0) drawRows(round);
  else store<i32>(IN_BAG, control(L.TRAIN_ROWS));
}

/** The features of this tree: the first of a seeded shuffle. Address USED + FEATURES … holds the shuffle. */
function chooseFeatures(round: i32): void {
  const features = control(L.FEATURES);
  const quota = control(L.FEATURE_QUOTA);
  const used = address(L.A_USED);
  if (quota >= features) {
    memory.fill(used, 1, features);
    return;
  }
  const places = used + ((features + 3) & ~3);
  memory.fill(used, 0, features);
  for (let f = 0; f < features; f++) store<i32>(places + (<usize>f << 2), f);
  for (let i = 0; i < quota; i++) {
    const j = i + <i32>(mix(control(L.SEED), 0x40000000 | round, i) % <u32>(features - i));
    const chosen = load<i32>(places + (<usize>j << 2));
    store<i32>(places + (<usize>j << 2), load<i32>(places + (<usize>i << 2)));
    store<u8>(used + chosen, 1);
  }
}

/** Each row is in the bag with the same chance; those that are not stand behind the others. */
function drawRows(round: i32): void {
  const index = address(L.A_INDEX);
  const train = address(L.A_TRAIN);
  const rows = control(L.TRAIN_ROWS);
  const bar = <u64>(param(L.BAGGING_FRACTION) * 4294967296.0);
  let inside = 0;
  let outside = rows;
  for (let i = 0; i < rows; i++) {
    const row = train === 0 ? i : load<i32>(train + (<usize>i << 2));
    const drawn = <u64>mix(control(L.SEED), 0x80000000 | round, row) < bar;
    const place = drawn ? inside++ : --outside;
    store<i32>(index + (<usize>place << 2), row);
  }
  store<i32>(IN_BAG, inside);
}

function fillIndex(from: i32, to: i32): void {
  const index = address(L.A_INDEX);
  const train = address(L.A_TRAIN);
  if (train !== 0) memory.copy(index + (<usize>from << 2), train + (<usize>from << 2), <usize>(to - from) << 2);
  else for (let i = from; i < to; i++) store<i32>(index + (<usize>i << 2), i);
}

/** Values of the leaves, rounded to float32, in which they are kept, exported and added to the scores. */
function setValues(): void {
  const rate = param(L.LEARNING_RATE);
  const leaves = leafCount();
  for (let i = takeItem(); i < leaves; i = takeItem()) {
    const leaf = leafAt(i);
    // A tree without a split adds nothing.
    const step =
      leaves === 1
        ? 0.0
        : control(L.OBJECTIVE) === L.QUANTILE
        ? quantileOfLeaf(load<i32>(leaf, START), load<i32>(leaf, COUNT))
        : stepOf(load<i64>(leaf, GRADIENT), load<i64>(leaf, COUNTED), load<f64>(leaf, LOW), load<f64>(leaf, HIGH));
    store<f32>(nodeAt(load<i32>(leaf, NODE)), <f32>(step * rate), L.NODE_VALUE);
  }
}

function addScores(thread: i32): void {
  const score = address(L.A_SCORE);
  const index = address(L.A_INDEX);
  for (let i = 0, leaves = leafCount(); i < leaves; i++) {
    const leaf = leafAt(i);
    const value = <f64>load<f32>(nodeAt(load<i32>(leaf, NODE)), L.NODE_VALUE);
    const start = load<i32>(leaf, START);
    const rows = load<i32>(leaf, COUNT);
    const end = index + (<usize>(start + share(rows, thread + 1)) << 2);
    for (let at = index + (<usize>(start + share(rows, thread)) << 2); at < end; at += 4) {
      const cell = score + (<usize>load<u32>(at) << 3);
      store<f64>(cell, load<f64>(cell) + value);
    }
  }
  const inBag = load<i32>(IN_BAG);
  addByTree(index + (<usize>inBag << 2), control(L.TRAIN_ROWS) - inBag, thread);
  addByTree(address(L.A_VALID), control(L.VALID_ROWS), thread);
}

/** Rows that had no part in the tree walk down it. */
function addByTree(list: usize, rows: i32, thread: i32): void {
  const score = address(L.A_SCORE);
  for (let i: usize = share(rows, thread), end: usize = share(rows, thread + 1); i < end; i++) {
    const row = load<u32>(list + (i << 2));
    const cell = score + (<usize>row << 3);
    store<f64>(cell, load<f64>(cell) + <f64>valueFor(row));
  }
}

function valueFor(row: u32): f32 {
  const bins = address(L.A_BINS);
  const rows: usize = control(L.ROWS);
  const counts = address(L.A_BIN_COUNT);
  let node = nodeAt(0);
  for (let next = load<i32>(node); next >= 0; next = load<i32>(node)) {
    const f: usize = load<u16>(node, L.NODE_FEATURE);
    const flags = <i32>load<u8>(node, L.NODE_FLAGS);
    const bin = <i32>load<u8>(bins + f * rows + row);
    let left = (flags & L.MISSING_LEFT) !== 0;
    if (bin !== load<i32>(counts + (f << 2))) {
      if (flags & L.BY_SET) {
        const set = address(L.A_SETS) + <usize>load<i32>(node, L.NODE_VALUE) * L.SET_BYTES;
        if (load<u8>(set + (bin >> 3)) & (1 << (bin & 7))) left = !left;
      } else left = bin <= <i32>load<u8>(node, L.NODE_BIN);
    }
    node = nodeAt(left ? next : next + 1);
  }
  return load<f32>(node, L.NODE_VALUE);
}

function addLoss(thread: i32): void {
  const rows = control(L.VALID_ROWS);
  const chunks = (rows + L.CHUNK - 1) / L.CHUNK;
  const weight = address(L.A_WEIGHT);
  const valid = address(L.A_VALID);
  for (let c = share(chunks, thread), end = share(chunks, thread + 1); c < end; c++) {
    let sum: f64 = 0;
    for (let i = c * L.CHUNK, last = min(rows, (c + 1) * L.CHUNK); i < last; i++) {
      const row = load<i32>(valid + (<usize>i << 2));
      sum += lossOf(row) * (weight === 0 ? 1.0 : load<f64>(weight + (<usize>row << 3)));
    }
    store<f64>(address(L.A_CHUNKS) + (<usize>c << 4), sum);
  }
}

/** Hands the tree to the host and decides whether another one is worth it. */
function closeRound(round: i32): void {
  let loss: f64 = 0;
  for (let c = 0, chunks = (control(L.VALID_ROWS) + L.CHUNK - 1) / L.CHUNK; c < chunks; c++) {
    loss += load<f64>(address(L.A_CHUNKS) + (<usize>c << 4));
  }
  const sampled = control(L.BAGGING) !== 0 || control(L.FEATURE_QUOTA) < control(L.FEATURES);
  // Without sampling, a tree that found no split will find none in the next round either.
  if (leafCount() === 1 && !sampled) store<i32>(STOP, 1);
  emit(round, address(L.A_NODES), leafCount() === 1 ? 0 : nodeCount(), address(L.A_SETS), load<i32>(SETS), loss);
  if (control(L.VALID_ROWS) === 0) return;
  if (loss < load<f64>(BEST_LOSS)) {
    store<f64>(BEST_LOSS, loss);
    store<i32>(BEST_ROUND, round);
  } else if (round - load<i32>(BEST_ROUND) >= control(L.PATIENCE)) store<i32>(STOP, 1);
}
