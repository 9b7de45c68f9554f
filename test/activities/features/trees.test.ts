import { expect, test } from 'vitest';
import type { BallTree } from '../../../activities/features/geo/ball-tree.js';
import { buildBallTree } from '../../../activities/features/geo/ball-tree.js';
import { treesOf } from '../../../activities/features/steps/trees.js';
import type { KernelPool } from '../../../activities/pool/index.js';

/** A pool that builds in this thread, counts how often, and fails where it is told to. */
function countingPool(failures: number): KernelPool & { built: number } {
  const pool = {
    threads: 1,
    built: 0,
    run: async (_kernel: string, input: Parameters<typeof buildBallTree>[0]): Promise<BallTree> => {
      pool.built += 1;
      if (pool.built <= failures) throw new Error('the thread died');
      return buildBallTree(input);
    },
    close: async () => undefined,
  };
  return pool as unknown as KernelPool & { built: number };
}

const points = { lon: Float64Array.of(1, 2, 3), lat: Float64Array.of(4, 5, 6) };
const signal = new AbortController().signal;

test('a tree is built once for all who ask for the same coordinates', async () => {
  const pool = countingPool(0);
  const trees = treesOf(pool);
  const [a, b] = await Promise.all([
    trees.of(points, signal),
    trees.of({ lon: points.lon.slice(), lat: points.lat }, signal),
  ]);
  expect(a).toBe(b);
  expect(pool.built).toBe(1);
  await trees.of({ ...points, group: Int32Array.of(0, 0, 1) }, signal);
  expect(pool.built).toBe(2);
});

test('a tree that could not be built is tried again by the next who asks, also after a cancellation', async () => {
  const pool = countingPool(1);
  const trees = treesOf(pool);
  const cancelled = new AbortController();
  const first = trees.of(points, cancelled.signal);
  cancelled.abort();
  await expect(first).rejects.toThrow();
  await expect(trees.of(points, signal)).resolves.toMatchObject({ rows: expect.any(Int32Array) });
  expect(pool.built).toBe(2);
});
