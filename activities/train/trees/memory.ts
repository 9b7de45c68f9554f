import { GeorefreshError } from '../../../config/errors.js';
import * as L from '../assembly/layout.js';

const ALIGNMENT = 64;
const PAGE = 65_536;
const MOST_BYTES = 2 ** 32;
/** Histograms of leaves that may be split again; beyond it a histogram is filled a second time instead of kept. */
const POOL_BYTES = 256 * 2 ** 20;
/** Sorting of levels and one block of rows, see split.ts and histogram.ts of the kernel. */
const OWN_BYTES = 256 * 9 + L.BLOCK * L.PANEL + 64;
/** What a thread of a forest needs besides: tables, the nodes that wait, a histogram of few rows; see forest.ts of the kernel. */
const FOREST_BYTES = 16_384;
/** Digits of a radix sort, and two keys a row of the sample, see bins.ts of the kernel. */
const SORT_COUNTS = 8192;
const MOST_SAMPLE = 200_000;

/** What the kernel is asked for, in its own terms. */
export interface KernelPlan {
  rows: number;
  features: number;
  threads: number;
  maxBin: number;
  numLeaves: number;
  weighted: boolean;
  categorical: boolean;
  trainRows: number;
  /** Rows held out. */
  validRows: number;
  /** Trees stand alone, one a thread: a tree's leaves are bounded by its rows only. */
  forest: boolean;
}

/** Shared memory with every array's place, and typed views of it. */
export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** First byte of the values and sort scratch of each thread. */
  readonly stage: number;
  readonly stageBytes: number;
  readonly sampleRows: number;
  readonly places = new Map<number, number>();
  private end = L.ARRAYS;

  /** Throws GR-3007 where the arrays do not fit into the 4 GiB that the kernel can address. */
  constructor(plan: KernelPlan) {
    const { rows, features, threads, numLeaves } = plan;
    const entries = features * (Math.min(plan.maxBin, Math.max(rows, 1)) + 1);
    const histogram = entries * L.ENTRY_BYTES;
    let slots = Math.max(2, Math.min(numLeaves, Math.floor(POOL_BYTES / histogram)));
    const listed = plan.trainRows < rows;
    this.sampleRows = Math.min(rows, MOST_SAMPLE);
    this.stageBytes = align(rows * 4 + SORT_COUNTS + this.sampleRows * 8);

    this.place(L.A_BINS, rows * features);
    this.place(L.A_PANELS, rows * ((features + 3) & ~3) + L.PANEL);
    this.place(L.A_BIN_COUNT, features * 4);
    this.place(L.A_KIND, features);
    this.place(L.A_DIRECTION, features);
    this.place(L.A_HIST_OFFSET, features * 4);
    this.place(L.A_BOUNDS, features * L.MAX_BINS * 4);
    this.place(L.A_TARGET, rows * 8);
    this.place(L.A_SCORE, rows * 8);
    this.place(L.A_PAIRS, rows * 16);
    if (plan.weighted) this.place(L.A_WEIGHT, rows * 8);
    if (listed) this.place(L.A_TRAIN, plan.trainRows * 4);
    if (plan.validRows > 0) this.place(L.A_VALID, plan.validRows * 4);
    this.place(L.A_CHUNKS, Math.ceil(rows / L.CHUNK) * 16);
    if (plan.forest) {
      slots = this.own(plan, histogram);
    } else {
      this.place(L.A_ORDERED, rows * 16);
      this.place(L.A_INDEX, rows * 4);
      this.place(L.A_SCRATCH, rows * 4);
      this.place(L.A_HISTOGRAMS, slots * histogram);
      this.place(L.A_RECORDS, 2 * features * L.RECORD_BYTES);
      this.place(L.A_LEAVES, numLeaves * L.LEAF_BYTES);
      this.place(L.A_NODES, 2 * numLeaves * L.NODE_BYTES);
      this.place(L.A_SETS, plan.categorical ? numLeaves * L.SET_BYTES : 0);
      this.place(L.A_USED, align(features) + features * 4);
      this.place(L.A_OWN, threads * align(OWN_BYTES));
    }
    // Binning comes first and the rest later, so that they could share; kept apart, as the arrays above are larger.
    this.stage = this.take(threads * this.stageBytes);

    if (this.end > MOST_BYTES)
      throw new GeorefreshError(
        'GR-3007',
        `${rows} rows of ${features} features need ${(this.end / 2 ** 30).toFixed(1)} GiB, and trees can be grown in 4`,
      );
    const pages = Math.ceil(this.end / PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.i32 = new Int32Array(this.memory.buffer);
    this.f64 = new Float64Array(this.memory.buffer);
    for (const [slot, at] of this.places) this.set(slot, at);
    this.set(L.ROWS, rows);
    this.set(L.FEATURES, features);
    this.set(L.THREADS, threads);
    this.set(L.NUM_LEAVES, numLeaves);
    this.set(L.MAX_BIN, plan.maxBin);
    this.set(L.SAMPLE_ROWS, this.sampleRows);
    this.set(L.TRAIN_ROWS, plan.trainRows);
    this.set(L.VALID_ROWS, plan.validRows);
    this.set(L.HIST_SLOTS, slots);
    if (!plan.forest) this.set(L.OWN_BYTES, align(OWN_BYTES));
  }

  /** A thread's own arrays in a forest: rows, nodes, and histograms of the nodes that wait, of which each is half its parent. */
  private own({ rows, features, threads, categorical }: KernelPlan, histogram: number): number {
    const slots = Math.ceil(Math.log2(Math.max(2, rows))) + 2;
    const perRow = L.FOREST_ROW_BYTES + (categorical ? L.SET_BYTES : 0);
    const bytes = align(rows * perRow + slots * histogram + features * 5 + OWN_BYTES + FOREST_BYTES);
    this.places.set(L.A_OWN, this.take(threads * bytes));
    this.places.set(L.OWN_BYTES, bytes);
    return slots;
  }

  private place(slot: number, bytes: number): void {
    this.places.set(slot, this.take(bytes));
  }

  private take(bytes: number): number {
    const at = this.end;
    this.end = at + align(bytes);
    return at;
  }

  /** Address of an array. */
  at(slot: number): number {
    return this.places.get(slot) as number;
  }

  set(slot: number, value: number): void {
    this.i32[(L.CONTROL >> 2) + slot] = value;
  }

  setParam(slot: number, value: number): void {
    this.f64[(L.PARAMS >> 3) + slot] = value;
  }

  bytes(slot: number, count: number, offset = 0): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.at(slot) + offset, count);
  }

  ints(slot: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, this.at(slot), count);
  }

  floats(slot: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, this.at(slot), count);
  }

  doubles(slot: number, count: number): Float64Array {
    return new Float64Array(this.memory.buffer, this.at(slot), count);
  }
}

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
