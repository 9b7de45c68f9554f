import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';
import { putTable, sessionWith } from '../../../lake/tables.js';
import { prefixOf, tableOf } from '../../deps.js';
import type { Made } from '../../durable.js';
import { ALL_PREDICTIONS, type FitTask } from '../../resolve/plan.js';
import type { TrainingWork } from './work.js';

/** What every candidate foretold in every evaluation, as one table: the key, `evaluation`, `model`, `prediction`. */
export async function gatherPredictions(work: TrainingWork, tasks: FitTask[]): Promise<Made> {
  const { lake } = work.deps;
  const { signal } = work.context;
  const key = quoteIdent(work.definition.key);
  const names = tasks.map((_, i) => `part_${i}`);
  const parts = Object.fromEntries(tasks.map(({ id }, i) => [names[i] as string, tableOf(work.input, id)]));
  const selects = tasks.map(
    ({ evaluation, candidate }, i) =>
      `select ${key}, ${quoteLiteral(evaluation)} as evaluation, ${quoteLiteral(candidate)} as model, prediction from ${names[i]}`,
  );
  const table = await sessionWith(
    lake,
    parts,
    (session) =>
      putTable(
        lake,
        session,
        { select: selects.join(' union all ') },
        {
          prefix: prefixOf(work.pipeline, 'predictions'),
          orderBy: ['evaluation', 'model', work.definition.key],
          keyed: true,
          signal,
        },
      ),
    { signal, step: work.input.step.id },
  );
  return { tables: { [ALL_PREDICTIONS]: table }, artifacts: {}, rowsIn: table.rows, rowsOut: table.rows, facts: {} };
}
