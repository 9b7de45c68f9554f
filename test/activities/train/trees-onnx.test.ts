import { describe, expect, it } from 'vitest';
import { scoreOnnx } from '../../../activities/score/onnx.js';
import type { FeatureMatrix, Learner, TrainingData } from '../../../activities/train/learner.js';
import { describeModel } from '../../../activities/train/onnx.js';
import { gbdt } from '../../../activities/train/trees/boosting.js';
import { forest, tree } from '../../../activities/train/trees/forest.js';
import { leafOf, readColumns, type TreeModel } from '../../../activities/train/trees/model.js';
import { lcg, matrixOf } from './support.js';
import { boosting, mixedData } from './trees-support.js';

const METADATA = {
  name: 'test',
  producerVersion: '0',
  domain: 'org.example',
  modelVersion: 1,
  description: '',
  target: 'y',
  trainingTableSha256: 'ab',
};

/** Rows whose values lie on thresholds of the model, next to them, far away, or nowhere. */
function hardRows(model: TreeModel, rows: number): FeatureMatrix {
  const next = lcg(31);
  const features = model.features.map((name, f) => {
    const levels = model.levels[f] as Float32Array;
    const bounds = Array.from(model.left.keys())
      .filter((node) => (model.left[node] as number) >= 0 && model.feature[node] === f)
      .map((node) => model.threshold[node] as number);
    const pick = (list: ArrayLike<number>) => list[Math.floor(next() * list.length)] ?? next() * 10;
    const values = Float32Array.from({ length: rows }, () => {
      const draw = next();
      if (draw < 0.1) return Number.NaN;
      if (draw < 0.15) return Number.POSITIVE_INFINITY;
      if (draw < 0.2) return Number.NEGATIVE_INFINITY;
      if (draw < 0.25) return 254.5 + Math.floor(next() * 1000);
      if (levels.length > 0) return pick(levels);
      const bound = pick(bounds);
      if (draw < 0.6) return bound;
      // One unit in the last place to either side.
      return draw < 0.8 ? bound + Math.abs(bound) * 2 ** -23 : bound - Math.abs(bound) * 2 ** -23;
    });
    return { name, values, ...(levels.length > 0 && { categorical: true }) };
  });
  return { rows, features };
}

/** One tree of a model, whose leaves hold their own numbers. */
function numbered(model: TreeModel, tree: number): TreeModel {
  const value = Float32Array.from(model.left, (left, node) => (left < 0 ? node : 0));
  return { ...model, link: 'identity', start: 0, roots: model.roots.slice(tree, tree + 1), value };
}

async function expectSame(
  learner: Pick<Learner<unknown, TreeModel>, 'toOnnx' | 'predict'>,
  model: TreeModel,
  matrix: FeatureMatrix,
) {
  const onnx = await scoreOnnx({ model: learner.toOnnx(model, METADATA), matrix });
  const native = learner.predict(model, matrix);
  const columns = readColumns(model, matrix);
  let worst = 0;
  for (let row = 0; row < matrix.rows; row++) {
    let size = Math.abs(model.start);
    for (let tree = 0; tree < model.roots.length; tree++)
      size += Math.abs(model.value[leafOf(model, tree, columns, row)] as number);
    worst = Math.max(
      worst,
      Math.abs((onnx[row] as number) - (native[row] as number)) / (size * Math.max(1, native[row] as number)),
    );
  }
  expect(worst).toBeLessThanOrEqual(2e-6);
}

describe('trees in ONNX', () => {
  it('S0.6: every row of 100,000 with missing values, infinities, unseen levels and values on thresholds comes to the same leaf', async () => {
    const model = await gbdt.fit(mixedData(8000), boosting({ numIterations: 12, numLeaves: 63 }));
    const matrix = hardRows(model, 100_000);
    const columns = readColumns(model, matrix);
    for (let tree = 0; tree < model.roots.length; tree += 3) {
      const one = numbered(model, tree);
      const reached = await scoreOnnx({ model: gbdt.toOnnx(one, METADATA), matrix });
      const differs = reached.findIndex((node, row) => node !== leafOf(model, tree, columns, row));
      expect(differs).toBe(-1);
    }
  }, 120_000);

  it.each(['regression', 'poisson', 'binary', 'quantile'] as const)(
    'S0.6: predictions of %s agree to 2e-6 of their leaves',
    async (objective) => {
      const data = mixedData(4000);
      data.target = data.target.map((value) =>
        objective === 'binary' ? Number(value > 3) : Math.max(0, Math.round(value)),
      );
      const model = await gbdt.fit(data, boosting({ objective, numIterations: 60 }));
      await expectSame(gbdt as never, model, hardRows(model, 20_000));
    },
    60_000,
  );

  it('S0.6: forests, constant models and models of one split agree', async () => {
    const data = mixedData(2000);
    data.target = data.target.map((value) => Number(value > 3));
    const woods = await forest.fit(data, forest.schema.parse({ numIterations: 10, objective: 'binary' }));
    await expectSame(forest as never, woods, hardRows(woods, 20_000));
    const constant: TrainingData = matrixOf({ x: [1, 2, 3] }, [5, 5, 5]);
    const flat = await gbdt.fit(constant, boosting());
    await expectSame(gbdt as never, flat, matrixOf({ x: [0, Number.NaN, Number.POSITIVE_INFINITY] }, [0, 0, 0]));
    const stump = await gbdt.fit(
      matrixOf({ x: [1, 2, Number.NaN, 4] }, [1, 1, 9, 1]),
      boosting({ minDataInLeaf: 1, numLeaves: 2 }),
    );
    await expectSame(
      gbdt as never,
      stump,
      matrixOf({ x: [1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] }, [0, 0, 0, 0]),
    );
  }, 60_000);

  it('S0.6: trees of one leaf agree, alone and among others', async () => {
    const odd = matrixOf({ x: [0, 1, 2, Number.NaN, Number.POSITIVE_INFINITY] }, [0, 0, 0, 0, 0]);
    for (const data of [matrixOf({ x: [1, 1, 1] }, [1, 2, 6]), matrixOf({ x: [1] }, [7])]) {
      const leaf = await tree.fit(data, tree.schema.parse({}));
      expect(leaf.left).toEqual(Int32Array.of(-1));
      await expectSame(tree as never, leaf, odd);
    }
    // One row in three of a class: some draws have none.
    const few = matrixOf({ x: [0, 1, 2] }, [0, 1, 0]);
    const woods = await forest.fit(few, forest.schema.parse({ numIterations: 20, objective: 'binary' }));
    expect(new Set(woods.roots.map((root) => Math.sign(woods.left[root] as number)))).toEqual(new Set([-1, 1]));
    await expectSame(forest as never, woods, odd);
  }, 60_000);

  it('S0.6: 255 levels, missing and unseen ones: sets are exact, and the file names the levels', async () => {
    const next = lcg(8);
    const level = Array.from({ length: 6000 }, () => (next() < 0.1 ? Number.NaN : Math.floor(next() * 255)));
    const data = matrixOf(
      { level },
      level.map((value) => (Number.isNaN(value) ? 3 : (value * 37) % 11)),
    );
    data.features[0] = { ...(data.features[0] as (typeof data.features)[number]), categorical: true };
    const model = await gbdt.fit(data, boosting({ numIterations: 30 }));
    const values = Float32Array.from({ length: 600 }, (_, i) =>
      i < 300 ? i : i < 400 ? -i : i < 500 ? Number.NaN : i / 7,
    );
    const matrix = { rows: 600, features: [{ name: 'level', values, categorical: true }] };
    const onnx = gbdt.toOnnx(model, METADATA);
    expect(await scoreOnnx({ model: onnx, matrix })).toEqual(gbdt.predict(model, matrix));
    const { levels } = JSON.parse(describeModel(onnx).properties.parameters as string);
    expect(JSON.parse(levels).level).toHaveLength(255);
    expect(gbdt.toOnnx(structuredClone(model), METADATA)).toEqual(onnx);
  }, 60_000);
});
