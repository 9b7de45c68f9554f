import { afterEach, expect, test } from 'vitest';
import { createKernelPool, type KernelPool } from '../../../activities/pool/index.js';
import { tieOrder } from '../../../activities/train/ranking.js';

let pool: KernelPool | undefined;
afterEach(() => pool?.close());
const poolOf = (threads: number, heapMb?: number): KernelPool =>
  (pool = createKernelPool({ threads, ...(heapMb !== undefined && { heapMb }) }));

/** Rows to judge: ordering their keys takes a thread some time, and memory. */
const judged = (rows: number) => ({
  keys: Array.from({ length: rows }, (_, row) => `key ${row}`),
  target: new Float64Array(rows).map((_, row) => row % 3),
  models: { m: { prediction: new Float64Array(rows).map((_, row) => row % 7), scale: 'count' as const } },
  baselines: {},
  metrics: { mae: { mae: {} } },
  judge: { metric: 'mae', better: 'lower' as const },
});

test('a kernel answers from its thread', async () => {
  const { table } = await poolOf(1).run('judgeModels', judged(30));
  expect(table.champion).toBe('m');
  expect(tieOrder(['b', 'a'])).toHaveLength(2);
});

test('an error of a kernel keeps its code on the way between threads', async () => {
  const input = { ...judged(3), models: {} };
  await expect(poolOf(1).run('judgeModels', input)).rejects.toMatchObject({ name: 'GR-3002', code: 'GR-3002' });
});

test('a thread that dies of its memory is GR-3004, and the pool goes on', async () => {
  const small = poolOf(1, 24);
  await expect(small.run('judgeModels', judged(600_000))).rejects.toMatchObject({ code: 'GR-3004' });
  expect((await small.run('judgeModels', judged(30))).table.champion).toBe('m');
});

test('an abort ends a running kernel within a quarter of a second, and the pool goes on', async () => {
  const one = poolOf(1);
  await one.run('judgeModels', judged(3));
  const stop = new AbortController();
  const running = one.run('judgeModels', judged(1_500_000), { signal: stop.signal });
  const outcome = running.then(
    () => 'done',
    () => 'ended',
  );
  setTimeout(() => stop.abort(new Error('enough')), 300);
  await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  const began = performance.now();
  expect(await outcome).toBe('ended');
  await expect(running).rejects.toThrow('enough');
  expect(performance.now() - began).toBeLessThan(250);
  expect((await one.run('judgeModels', judged(3))).table.champion).toBe('m');
});

test('a kernel that waits for a thread can be given up, and one asked for too late never begins', async () => {
  const one = poolOf(1);
  const first = one.run('judgeModels', judged(100_000));
  const stop = new AbortController();
  const second = one.run('judgeModels', judged(3), { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  await expect(one.run('judgeModels', judged(3), { signal: stop.signal })).rejects.toThrow('enough');
  expect((await first).table.champion).toBe('m');
});

test('closing ends what runs and leaves nothing waiting', async () => {
  const two = poolOf(2);
  const running = Promise.allSettled([1, 2, 3].map(() => two.run('judgeModels', judged(300_000))));
  await two.close();
  for (const { status } of await running) expect(status).toBe('rejected');
});
