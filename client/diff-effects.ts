import { scoreOnnx } from '../activities/score/onnx.js';
import { toFeatures } from '../activities/train/features.js';
import type { AlignedRows } from '../lake/diff-features.js';
import type { Columns } from '../lake/types.js';

/** What moved the prediction of one row. */
export interface RowEffects {
  /** Of each feature, in the unit of the prediction; 0 where its value is the same. */
  features: Float64Array;
  /** Of the other model. */
  model: number;
}

/**
 * How much each feature, and the change of models, moved the prediction of each row.
 *
 * A feature's effect is what the prediction changes by when its value alone is exchanged, taken at both ends (the other
 * features as before, and as after) and with both models, and averaged; the model's is the difference of their predictions,
 * averaged over both ends. Being symmetric, neither depends on which end one begins at. For a linear model it is the
 * coefficient times the difference, and all effects add up to the difference of the predictions (the Shapley values of
 * Lundberg and Lee 2017, of rows against model and feature against feature); features that act together leave a rest.
 *
 * @param features columns of `rows`; one that a table lacks is missing in all of its rows
 */
export async function effectsOf(
  before: Uint8Array,
  after: Uint8Array,
  rows: AlignedRows,
  features: readonly string[],
): Promise<RowEffects[]> {
  const [from, to] = [matrixOf(rows.before, features), matrixOf(rows.after, features)];
  const count = rows.before.rows;
  const width = features.length;
  const differs = (row: number, f: number): boolean => !Object.is(from[f]?.[row], to[f]?.[row]);
  // Both ends of each row, then, for each feature that differs, both ends with that one exchanged.
  const asked: { row: number; end: 0 | 1; exchanged: number }[] = [];
  for (let row = 0; row < count; row++)
    for (let exchanged = -1; exchanged < width; exchanged++)
      if (exchanged < 0 || differs(row, exchanged)) asked.push({ row, end: 0, exchanged }, { row, end: 1, exchanged });
  const matrix = {
    rows: asked.length,
    features: features.map((name, f) => ({
      name,
      values: Float32Array.from(asked, ({ row, end, exchanged }) => {
        const side = (end === 0) === (exchanged === f) ? to : from;
        return side[f]?.[row] ?? Number.NaN;
      }),
    })),
  };
  const old = await scoreOnnx({ model: before, matrix });
  const now = before === after ? old : await scoreOnnx({ model: after, matrix });

  const effects = Array.from({ length: count }, () => ({ features: new Float64Array(width), model: 0 }));
  let ends: [number, number] = [0, 1];
  for (let at = 0; at < asked.length; at += 2) {
    const { row, exchanged } = asked[at] as (typeof asked)[number];
    const effect = effects[row] as (typeof effects)[number];
    if (exchanged < 0) {
      ends = [at, at + 1];
      effect.model = (number(now, at) - number(old, at) + number(now, at + 1) - number(old, at + 1)) / 2;
      continue;
    }
    let sum = 0;
    for (const model of [old, now])
      sum += number(model, at) - number(model, ends[0]) + number(model, ends[1]) - number(model, at + 1);
    effect.features[exchanged] = sum / 4;
  }
  return effects;
}

const number = (values: Float64Array, at: number): number => values[at] ?? Number.NaN;

const matrixOf = (table: Columns, names: readonly string[]): Float32Array[] => {
  const there = names.filter((name) => table.columns[name] !== undefined);
  const columns = new Map(toFeatures(table, there).features.map(({ name, values }) => [name, values]));
  return names.map((name) => columns.get(name) ?? new Float32Array(table.rows).fill(Number.NaN));
};
