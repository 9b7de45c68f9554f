import { GeorefreshError } from '../../config/errors.js';
import { fetchBytes } from '../../lake/artifacts.js';
import { readTable } from '../../lake/tables.js';
import { artifactOf, type Deps, definitionOf, nameOf, prefixOf, tableOf } from '../deps.js';
import { type Made, type StepContext, step } from '../durable.js';
import { columnOf, valuesOf } from '../features/builders/columns.js';
import { buildTable } from '../features/steps/build.js';
import type { FrozenDefinition } from '../resolve/frozen.js';
import { PREDICTIONS, tableTasks } from '../resolve/plan.js';
import { toFeatures } from '../train/features.js';
import { decodeModelJson } from '../train/model-json.js';
import { MODEL, ONNX } from '../train/names.js';
import { demandParity } from '../train/steps/champion.js';
import { putPredictions } from '../train/steps/work.js';
import type { StepInput } from '../types.js';
import { parity } from './onnx.js';

export const createScoreActivities = (deps: Deps) => ({
  /** The champion's predictions, or a table of what is ranked and published. */
  score: step(deps, async (input: StepInput, context: StepContext): Promise<Made> => {
    const definition = await definitionOf(deps.lake, input);
    if (nameOf(input) === PREDICTIONS) return predict(deps, definition, input, context);
    const task = tableTasks(definition).find(({ name, stage }) => stage === 'score' && name === nameOf(input));
    if (task === undefined) throw new GeorefreshError('GR-3009', `no table is called ${nameOf(input)}`);
    return buildTable(deps, definition, task, prefixOf(definition.pipeline.name, 'predictions'), input, context);
  }),
});

/** Scores a table by ONNX; nothing is published of an export that differs from the model it came from. */
async function predict(
  deps: Deps,
  { pipeline }: FrozenDefinition,
  input: StepInput,
  { signal, progress }: StepContext,
): Promise<Made> {
  const { train, score } = pipeline;
  if (train === undefined || score.predict === undefined)
    throw new GeorefreshError('GR-3009', `${pipeline.name} predicts nothing`);
  const { lake, pool } = deps;
  const ref = tableOf(input, score.predict.table);
  const table = await readTable(lake, ref, [...new Set([train.key, ...train.features])], { signal });
  const matrix = toFeatures(table, train.features);
  const onnx = await fetchBytes(lake.store, artifactOf(input, ONNX), { signal });
  const model = decodeModelJson(await fetchBytes(lake.store, artifactOf(input, MODEL), { signal }));
  const onProgress = (done: number): void => progress({ done, total: table.rows, unit: 'rows' });
  const [scored, native] = await Promise.all([
    pool.run('scoreOnnx', { model: onnx, matrix }, { signal, onProgress }),
    pool.run('predictModel', { model, matrix }, { signal }),
  ]);
  const agreement = parity(native, scored);
  demandParity(agreement);

  const { min } = score.predict;
  const clipped = min === undefined ? scored : scored.map((value) => Math.max(min, value));
  const keys = Array.from(valuesOf(columnOf(table, train.key)), String);
  const predictions = await putPredictions(deps, input, train.key, score.predict.as, keys, clipped, signal);
  return {
    tables: { [PREDICTIONS]: predictions },
    artifacts: {},
    rowsIn: table.rows,
    rowsOut: predictions.rows,
    facts: { parity: agreement.max },
  };
}
