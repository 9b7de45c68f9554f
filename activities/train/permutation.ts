import type { Metric } from '../../config/definition/model.js';
import { type FoldInput, splitFold } from './folds.js';
import type { FeatureMatrix, LearnHooks } from './learner.js';
import { fitModel, learnerOf, parseParams } from './learners.js';
import { measure } from './measure.js';
import { judge } from './metrics.js';
import { tieOrder } from './ranking.js';
import { takeRows, takeTraining } from './take.js';

/** Rows that are predicted again for each feature, at most. */
const MOST_ROWS = 10_000;

export interface PermutationInput extends FoldInput {
  /** Keys of the rows, whose digests order ties. */
  keys: string[];
  metric: Metric;
  better: 'higher' | 'lower';
}

/** How much worse a model becomes by the judging metric when a feature tells it nothing. */
export interface PermutationImportance {
  /** Held-out rows that it was measured on. */
  rows: number;
  /** The metric with every feature as it is; null where it is undefined on these rows. */
  value: number | null;
  /** By feature, in the order of the fit; below 0 where the model does better without it. */
  loss: { name: string; loss: number | null }[];
}

/**
 * Permutation importance (Breiman 2001) on rows that the model did not see: fitted outside a fold, it predicts the rows inside
 * (10,000 of them at most, evenly apart) with the values of one feature after the other shuffled among them. Seeded: the same
 * input gives the same numbers.
 */
export async function permutationImportance(
  { data, folds, fold, learner, params, keys, metric, better }: PermutationInput,
  hooks?: LearnHooks,
): Promise<PermutationImportance> {
  const { inside, outside } = splitFold(folds, fold);
  const model = await fitModel({ learner, params, data: takeTraining(data, outside) }, hooks);
  const count = Math.min(inside.length, MOST_ROWS);
  const rows = Int32Array.from({ length: count }, (_, i) => inside[Math.floor((i * inside.length) / count)] as number);
  const held = takeTraining(data, rows);
  const ties = tieOrder(Array.from(rows, (row) => keys[row] as string));
  const { scaleOf, predict } = learnerOf(learner);
  const scale = scaleOf(parseParams(learner, params));
  const measured = (matrix: FeatureMatrix): number | null =>
    measure(judge(held.target, predict(model, matrix), ties), scale, { metric }).metric ?? null;
  const value = measured(held);
  const order = shuffled(count);
  const loss = held.features.map((feature, f) => {
    const [moved] = takeRows({ rows: count, features: [feature] }, order).features as [typeof feature];
    const other = measured({ rows: count, features: held.features.with(f, moved) });
    const change = value === null || other === null ? null : value - other;
    return { name: feature.name, loss: change !== null && better === 'lower' ? -change : change };
  });
  return { rows: count, value, loss };
}

/** The numbers below `count` in an order without order (Fisher and Yates), the same each time. */
function shuffled(count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  let state = 42;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(1_664_525, state) + 1_013_904_223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}
