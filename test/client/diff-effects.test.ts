import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toFeatures } from '../../activities/train/features.js';
import { ridge } from '../../activities/train/ridge.js';
import { effectsOf } from '../../client/diff-effects.js';
import { Random } from '../../config/samples.js';
import type { Columns } from '../../lake/types.js';

const ROWS = 60;

const tableOf = (columns: Record<string, number[]>): Columns => ({
  rows: Object.values(columns)[0]?.length ?? 0,
  columns: Object.fromEntries(
    Object.entries(columns).map(([name, values]) => [name, { type: 'double', values: Float64Array.from(values) }]),
  ),
});

/** A ridge model of the features named, on seeded rows some of which lack a value; and its ONNX file. */
function fitted(names: string[], seed: number) {
  const random = new Random(seed, 'effects');
  const value = (): number => (random.next() < 0.1 ? Number.NaN : 4 * random.next() - 2);
  const table = tableOf(Object.fromEntries(names.map((name) => [name, Array.from({ length: ROWS }, value)])));
  const target = Float64Array.from({ length: ROWS }, () => 10 * random.next());
  const model = ridge.fit({ ...toFeatures(table, names), target }, { alpha: 1 });
  const about = { name: 't', producerVersion: '0', domain: 'org.test', modelVersion: 1, description: '', target: 'y' };
  return { model, onnx: ridge.toOnnx(model, { ...about, trainingTableSha256: '0'.repeat(64) }) };
}

const NAMES = ['a', 'b', 'c'];
const cells = fc.array(fc.oneof(fc.constant(Number.NaN), fc.double({ min: -5, max: 5, noNaN: true })), {
  minLength: 3,
  maxLength: 3,
});

test('effects of features and of the other model add up to what the prediction moved by, also where features come and go', async () => {
  // The later model knows c and no longer b; the earlier table has no column c.
  const [old, now] = [fitted(['a', 'b'], 1), fitted(['a', 'c'], 2)];
  await fc.assert(
    fc.asyncProperty(cells, cells, async (x0, x1) => {
      const at = (x: number[], i: number): number[] => [x[i] ?? Number.NaN];
      const before = tableOf({ a: at(x0, 0), b: at(x0, 1) });
      const after = tableOf({ a: at(x1, 0), b: at(x1, 1), c: at(x1, 2) });
      const [effect] = await effectsOf(old.onnx, now.onnx, { before, after, deviation: {} }, NAMES);
      const from = ridge.predict(old.model, toFeatures(before, ['a', 'b']))[0] ?? Number.NaN;
      const to = ridge.predict(now.model, toFeatures(after, ['a', 'c']))[0] ?? Number.NaN;
      const sum = (effect?.features ?? []).reduce((total: number, one: number) => total + one, effect?.model ?? 0);
      expect(sum).toBeCloseTo(to - from, 6);
    }),
    { numRuns: 60, seed: 11 },
  );
});

test('a value that is the same has no effect, one and the same model none either, and back is the opposite of there', async () => {
  const { onnx } = fitted(NAMES, 3);
  const other = fitted(NAMES, 4).onnx;
  const before = tableOf({ a: [1, 0], b: [2, Number.NaN], c: [3, 0] });
  const after = tableOf({ a: [1, 4], b: [-2, Number.NaN], c: [3, 0] });
  const same = await effectsOf(onnx, onnx, { before, after, deviation: {} }, NAMES);
  expect(same.map(({ features, model }) => [...features].map((one) => one !== 0).concat(model !== 0))).toEqual([
    [false, true, false, false],
    [true, false, false, false],
  ]);
  const there = await effectsOf(onnx, other, { before, after, deviation: {} }, NAMES);
  const back = await effectsOf(other, onnx, { before: after, after: before, deviation: {} }, NAMES);
  for (const [row, { features, model }] of there.entries()) {
    expect(model).not.toBe(0);
    expect(back[row]?.model).toBeCloseTo(-model, 9);
    for (const [f, effect] of features.entries()) expect(back[row]?.features[f]).toBeCloseTo(-effect, 9);
  }
});
