import { PROGRESS_ROWS } from './arrays.js';
import type { BallTree } from './ball-tree.js';

/**
 * A walk over the points of a tree that several calls divide among them: each claims the next block until none is left, so
 * that a slow block, or a thread that has other work, holds nobody up.
 */
export interface Share {
  /** The number of the block to claim next: one cell over shared memory, 0 at first. */
  next: Int32Array;
}

/** A node of a tree, and the place of its root among the roots. */
export interface Block {
  node: number;
  root: number;
}

/** Nodes, one beside the other in tree order, that hold every point of a tree once; small enough to tell progress by. */
export function blocksOf({ begin, end, right, roots }: BallTree): Block[] {
  const blocks: Block[] = [];
  for (let root = 0; root < roots.length; root++) {
    const open = [roots[root]];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (right[node] === 0 || end[node] - begin[node] <= PROGRESS_ROWS) blocks.push({ node, root });
      else open.push(right[node], node + 1);
    }
  }
  return blocks;
}

/** Claims the next of a number of blocks; -1 where none is left. */
export function claim({ next }: Share, blocks: number): number {
  const block = Atomics.add(next, 0, 1);
  return block < blocks ? block : -1;
}
