/**
 * The memory that host and kernel share: plain numbers, so that both compilers read this file. Every array stands where the
 * host has put it; the control block at the start says where. Nothing here is initialised by the module itself: a second
 * instance over the same memory would reset it.
 */

/** Slots of 4 bytes from here on: counts, switches and addresses. */
export const CONTROL = 64;
/** Slots of 8 bytes from here on: parameters that are float64. */
export const PARAMS = 1024;
/** Decisions of the leader for all threads, and the barrier's words, each on a cache line of its own. */
export const SHARED = 2048;
/** First byte that the host may give to arrays. */
export const ARRAYS = 4096;

// Slots of CONTROL.
export const ROWS = 0;
export const FEATURES = 1;
export const THREADS = 2;
export const OBJECTIVE = 3;
export const ITERATIONS = 4;
export const NUM_LEAVES = 5;
export const MAX_DEPTH = 6;
export const MIN_DATA = 7;
export const DEPTH_WISE = 8;
export const SEED = 9;
export const TRAIN_ROWS = 10;
export const VALID_ROWS = 11;
export const PATIENCE = 12;
export const HIST_SLOTS = 13;
/** Entries of one histogram, all features together. */
export const HIST_ENTRIES = 14;
export const MONOTONE = 15;
/** Features that a tree (boosting) or a node (forest) may read. */
export const FEATURE_QUOTA = 16;
export const MAX_BIN = 17;
export const BOOTSTRAP = 18;
/** Bits of the hessian's fixed-point sum; the count stands above them. */
export const HESSIAN_BITS = 19;
/** Rows that bounds of bins are taken from. */
export const SAMPLE_ROWS = 20;
/** Whether each tree or row is drawn: row sampling is on. */
export const BAGGING = 21;

// Addresses, 0 where there is no such array.
export const A_BINS = 30;
export const A_BIN_COUNT = 31;
export const A_KIND = 32;
export const A_DIRECTION = 33;
export const A_HIST_OFFSET = 34;
export const A_BOUNDS = 35;
export const A_TARGET = 36;
export const A_WEIGHT = 37;
export const A_SCORE = 38;
export const A_PAIRS = 39;
export const A_ORDERED = 40;
export const A_INDEX = 41;
export const A_SCRATCH = 42;
export const A_TRAIN = 43;
export const A_VALID = 44;
export const A_HISTOGRAMS = 45;
export const A_RECORDS = 46;
export const A_LEAVES = 47;
export const A_NODES = 48;
export const A_SETS = 49;
export const A_CHUNKS = 50;
export const A_USED = 51;
/** A thread's own memory: thread t has A_OWN + t · OWN_BYTES. */
export const A_OWN = 52;
export const OWN_BYTES = 53;
/** Bins once more, row by row, in panels of PANEL features. */
export const A_PANELS = 54;

// Slots of PARAMS.
export const LAMBDA_L1 = 0;
export const LAMBDA_L2 = 1;
export const MIN_GAIN = 2;
export const MIN_HESSIAN = 3;
export const LEARNING_RATE = 4;
export const ALPHA = 5;
export const MAX_DELTA = 6;
export const BAGGING_FRACTION = 7;
export const CAT_SMOOTH = 8;
export const CAT_L2 = 9;
export const START = 10;

// Objectives.
export const SQUARED = 0;
export const POISSON = 1;
export const LOGISTIC = 2;
export const QUANTILE = 3;

/** Bins of one feature: at most 255 values, and one for what is missing, which stands last. */
export const MAX_BINS = 256;
/** Features whose bins share a word of 4 bytes in a panel. */
export const GROUP = 4;
/** Features side by side in a row of a panel: a cache line. The last panel is as wide as it must be. */
export const PANEL = 64;
/** Rows whose pairs and bins are used for one group of features after the other, while they are in the cache. */
export const BLOCK = 2048;
/** A bin of a histogram: gradient (i64), then count and hessian (i64). */
export const ENTRY_BYTES = 16;

/** One node of a tree: left child or −1 (i32), feature (u16), bin (u8), flags (u8), value or set (f32 or i32), gain (f32), rows (u32). */
export const NODE_BYTES = 20;
export const NODE_FEATURE = 4;
export const NODE_BIN = 6;
export const NODE_FLAGS = 7;
export const NODE_VALUE = 8;
export const NODE_GAIN = 12;
export const NODE_ROWS = 16;
/** What is missing goes left. */
export const MISSING_LEFT = 1;
/** The node's value is the number of a set: its members go to the side where missing values do not go. */
export const BY_SET = 2;
/** A set of bins, one bit each. */
export const SET_BYTES = 32;

/** Best split of a leaf by one feature. */
export const RECORD_BYTES = 72;
/** A leaf that may still be split. */
export const LEAF_BYTES = 128;
/** Rows whose sums are added before they meet those of others: the same for any number of threads. */
export const CHUNK = 8192;
/** A thread's own memory in a forest by row: index, scratch, pairs, ordered pairs and two nodes, see forest.ts. */
export const FOREST_ROW_BYTES = 80;
