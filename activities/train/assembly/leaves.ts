import { address, control } from './control';
import * as L from './layout';

/** Fields of a leaf that may still be split. */
export const START: usize = 0;
export const COUNT: usize = 4;
export const DEPTH: usize = 8;
/** Its histogram's place in the pool, −1 where that was given to another. */
export const SLOT: usize = 12;
export const NODE: usize = 16;
export const GRADIENT: usize = 24;
export const COUNTED: usize = 32;
/** Bounds of its step, from monotone splits above. */
export const LOW: usize = 40;
export const HIGH: usize = 48;
/** Its best split; a gain of −1 where it has none. */
export const BEST: usize = 56;

// @ts-expect-error: decorator
@inline
export function leafAt(leaf: i32): usize {
  return address(L.A_LEAVES) + <usize>leaf * L.LEAF_BYTES;
}

// @ts-expect-error: decorator
@inline
export function nodeAt(node: i32): usize {
  return address(L.A_NODES) + <usize>node * L.NODE_BYTES;
}

export function histogramAt(slot: i32): usize {
  return address(L.A_HISTOGRAMS) + <usize>slot * <usize>control(L.HIST_ENTRIES) * L.ENTRY_BYTES;
}

/** Makes a node a leaf; its value is written when the tree has grown. */
export function writeLeaf(node: i32, rows: i32): void {
  const at = nodeAt(node);
  memory.fill(at, 0, L.NODE_BYTES);
  store<i32>(at, -1);
  store<u32>(at, rows, L.NODE_ROWS);
}
