import { putTable, sessionWith } from '../../../lake/tables.js';
import type { Deps } from '../../deps.js';
import { prefixOf, tableOf } from '../../deps.js';
import type { Made, StepContext } from '../../durable.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { sortOrder } from '../../resolve/parameters.js';
import { readsOf, type TableTask } from '../../resolve/plan.js';
import type { StepInput } from '../../types.js';
import { Work } from './work.js';

/** Runs the builders of a table one after the other over the working table, and keeps the result in the lake. */
export async function buildTable(
  deps: Deps,
  definition: FrozenDefinition,
  task: TableTask,
  prefix: string,
  input: StepInput,
  { signal, progress }: StepContext,
): Promise<Made> {
  const { lake } = deps;
  const refs = Object.fromEntries(readsOf(task.table).map((name) => [name, tableOf(input, name)]));
  return sessionWith(
    lake,
    refs,
    async (session) => {
      const work = new Work(deps, session, definition, task, refs, { signal, progress });
      const rowsIn = await work.begin();
      for (const builder of task.table.steps) await work.apply(builder);
      await work.demandKey(definition);
      const { key, sort = [] } = task.table;
      const orderBy = sortOrder([...sort, ...key]);
      const table = await putTable(lake, session, await work.table.source(), { prefix, orderBy, keyed: true, signal });
      const quarantine = await work.quarantined(prefixOf(definition.pipeline.name, 'quarantine'));
      return {
        tables: { [task.name]: table },
        artifacts: {},
        rowsIn: rowsIn ?? table.rows,
        rowsOut: table.rows,
        ...(quarantine && { quarantine }),
        facts: work.facts,
      };
    },
    { signal, step: input.step.id },
  );
}
