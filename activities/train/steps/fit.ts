import type { Made } from '../../durable.js';
import { columnOf } from '../../features/builders/columns.js';
import { numbers } from '../../features/builders/context.js';
import type { FitTask } from '../../resolve/plan.js';
import { splitFold } from '../folds.js';
import type { TrainingWork } from './work.js';

/** Out-of-sample predictions of one candidate: a table of key and prediction. */
export async function fitPart(work: TrainingWork, task: FitTask): Promise<Made> {
  const evaluation = work.evaluation(task.evaluation);
  const { learner, ...params } = work.candidate(task.candidate);
  const fitted = 'fit' in evaluation ? evaluation.fit : evaluation.on;
  const { table, data } = await work.training(fitted, 'fit' in evaluation ? [] : [evaluation.folds]);
  const options = work.kernelOptions();
  let keys: string[];
  let prediction: Float64Array;
  if ('fit' in evaluation) {
    const scored = await work.training(evaluation.score);
    prediction = await work.deps.pool.run('fitPredict', { learner, params, data, matrix: scored.data }, options);
    keys = work.keys(scored.table);
  } else {
    const folds = numbers(columnOf(table, evaluation.folds), evaluation.folds, fitted);
    const fold = task.fold ?? 0;
    const { forward } = evaluation;
    const part = await work.deps.pool.run('fitFold', { learner, params, data, folds, fold, forward }, options);
    prediction = part.prediction;
    const all = work.keys(table);
    keys = Array.from(splitFold(folds, fold, forward).inside, (row) => all[row]);
  }
  const predicted = await work.putPredictions(keys, prediction);
  return { tables: { [task.id]: predicted }, artifacts: {}, rowsIn: table.rows, rowsOut: predicted.rows, facts: {} };
}
