import { GeorefreshError } from '../../config/errors.js';
import { fetchJson } from '../../lake/artifacts.js';
import { putColumns, readTable } from '../../lake/tables.js';
import type { Column, Columns } from '../../lake/types.js';
import { artifactOf, type Deps, definitionOf, nameOf, prefixOf, tableOf } from '../deps.js';
import { type Made, type StepContext, step } from '../durable.js';
import { numbers } from '../features/builders/context.js';
import { buildTable } from '../features/steps/build.js';
import type { FrozenDefinition } from '../resolve/frozen.js';
import { PREDICTIONS, tableTasks } from '../resolve/plan.js';
import { JUDGEMENT } from '../train/names.js';
import type { Judgement } from '../train/steps/judge.js';
import type { StepInput } from '../types.js';
import { demandAgreement, largest, predictRows } from './steps/predict.js';

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
  context: StepContext,
): Promise<Made> {
  const { name, train, score } = pipeline;
  if (train === undefined || score.predict === undefined)
    throw new GeorefreshError('GR-3009', `${name} predicts nothing`);
  const { signal } = context;
  const columns = [...new Set([train.key, ...train.features])];
  const table = await readTable(deps.lake, tableOf(input, score.predict.table), columns, { signal });
  const instead = train.judge.beat
    ? (await fetchJson<Judgement>(deps.lake.store, artifactOf(input, JUDGEMENT))).instead
    : null;
  const { predictions, differences } =
    instead === null
      ? await predictRows(deps, train, score.predict, input, table, context)
      : { predictions: columnAs(table, train.key, instead.column, score.predict.as), differences: new Float64Array(0) };
  const parity = demandAgreement(largest(differences), predictions.columns[score.predict.as]);
  const options = { prefix: prefixOf(name, 'predictions'), orderBy: [train.key], signal };
  const kept = await putColumns(deps.lake, predictions, options);
  return {
    tables: { [PREDICTIONS]: kept },
    artifacts: {},
    rowsIn: table.rows,
    rowsOut: kept.rows,
    facts: { parity, ...(instead !== null && { asked_instead: instead.baseline }) },
  };
}

/** A column that is a prediction as it stands. */
const columnAs = ({ rows, columns }: Columns, key: string, column: string, as: string): Columns => ({
  rows,
  columns: {
    [key]: columns[key] as Column,
    [as]: { type: 'double', values: numbers(columns[column], column, 'rows') },
  },
});
