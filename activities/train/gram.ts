import { BLOCK, type Design, designBlock } from './design.js';
import type { LearnHooks } from './learner.js';

/**
 * The normal equations of weighted least squares on the standardised columns: ZᵀWZ (K × K, row by row, lower triangle) and
 * ZᵀW(y − centre) (K). Rows are added block by block, each product over a block in row order, so the sums do not depend on
 * anything but the rows. Cost: rows · K² / 2 multiplications.
 */
export function normalEquations(
  design: Design,
  columns: Float32Array[],
  target: Float64Array,
  centre: number,
  weights: Float64Array | undefined,
  hooks: LearnHooks = {},
): { gram: Float64Array; right: Float64Array } {
  const rows = target.length;
  const width = design.mean.length;
  // The target is one more column; a column of zeros makes the number even for the 2 × 2 tiles.
  const padded = (width + 2) & ~1;
  const sums = new Float64Array(padded * padded);
  const block = new Float64Array(padded * BLOCK);
  const blocks = Math.ceil(rows / BLOCK);
  for (let b = 0; b < blocks; b++) {
    const from = b * BLOCK;
    const to = Math.min(rows, from + BLOCK);
    designBlock(design, columns, from, to, block);
    for (let r = 0; r < to - from; r++) block[width * BLOCK + r] = (target[from + r] as number) - centre;
    if (weights !== undefined) weigh(block, width + 1, weights, from, to);
    addProducts(block, padded, to - from, sums);
    if (b % 16 === 15) hooks.onProgress?.(b + 1, blocks);
  }
  hooks.onProgress?.(blocks, blocks);
  const gram = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) gram[i * width + j] = sums[i * padded + j] as number;
  }
  return { gram, right: sums.slice(width * padded, width * padded + width) };
}

/** Both factors of a product carry the root of the weight. */
export function weigh(block: Float64Array, width: number, weights: Float64Array, from: number, to: number): void {
  for (let r = 0; r < to - from; r++) {
    const root = Math.sqrt(weights[from + r] as number);
    for (let c = 0; c < width; c++) block[c * BLOCK + r] = (block[c * BLOCK + r] as number) * root;
  }
}

/** Adds the inner products of all pairs of columns i ≥ j, two by two: four products for four loads. */
export function addProducts(block: Float64Array, width: number, rows: number, sums: Float64Array): void {
  for (let i = 0; i < width; i += 2) {
    const i0 = i * BLOCK;
    const i1 = i0 + BLOCK;
    for (let j = 0; j <= i; j += 2) {
      const j0 = j * BLOCK;
      const j1 = j0 + BLOCK;
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      for (let r = 0; r < rows; r++) {
        const x0 = block[i0 + r] as number;
        const x1 = block[i1 + r] as number;
        const y0 = block[j0 + r] as number;
        const y1 = block[j1 + r] as number;
        s00 += x0 * y0;
        s01 += x0 * y1;
        s10 += x1 * y0;
        s11 += x1 * y1;
      }
      const at = i * width + j;
      sums[at] = (sums[at] as number) + s00;
      sums[at + 1] = (sums[at + 1] as number) + s01;
      sums[at + width] = (sums[at + width] as number) + s10;
      sums[at + width + 1] = (sums[at + width + 1] as number) + s11;
    }
  }
}
