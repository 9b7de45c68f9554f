import type { PartitionColumn } from '../../../config/definition/partition.js';
import { GeorefreshError } from '../../../config/errors.js';
import { quoteIdent } from '../../../lake/sql.js';
import { putTable, withTables } from '../../../lake/tables.js';
import { type Deps, prefixOf, tableOf } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import { Work } from '../../features/steps/work.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { sortOrder } from '../../resolve/parameters.js';
import { readsOf, type TableTask } from '../../resolve/plan.js';
import type { StepInput } from '../../types.js';
import { PARTITION, type Part, type Planned, partsSql } from '../ledger.js';
import { type Neighbours, neighboursOf, type Whole } from '../neighbours.js';
import { demandPartitionable } from './partitionable.js';
import type { Partitioner } from './partitioner.js';
import { inPartitions, listDigests, ownPartitions, partitionOf, readPartitioning } from './rows.js';

/** Makes a table of features in partitions: the rows of the table that it begins with, and the columns that builders add. */
export function tablePartitioner(
  deps: Deps,
  definition: FrozenDefinition,
  task: TableTask,
  by: readonly PartitionColumn[],
): Partitioner {
  const { table } = task;
  const { from } = table;
  if (from === undefined)
    throw new GeorefreshError('GR-1003', `${task.name} begins with no table, so it has no rows to divide`);
  const prefix = prefixOf(definition.pipeline.name, task.stage === 'features' ? 'features' : 'predictions');
  const refsOf = (input: StepInput) => Object.fromEntries(readsOf(table).map((name) => [name, tableOf(input, name)]));

  const split = (input: StepInput, context: StepContext): Promise<Planned[]> => {
    const { signal } = context;
    const refs = refsOf(input);
    return deps.lake.duckdb.session(
      (session) =>
        withTables(
          deps.lake,
          session,
          refs,
          async () => {
            const work = new Work(deps, session, definition, task, refs, context);
            await work.begin();
            await demandPartitionable(session, table, by, refs[from].columns);
            const about = { name: from, sha256: refs[from].sha256 };
            const divided = await readPartitioning(session, about, by);
            const own = await ownPartitions(session, about, refs[from].columns, by);
            const near: Record<string, string[] | string> = {};
            for (const [i, builder] of table.steps.entries()) {
              const found: Neighbours | Whole | undefined = await neighboursOf(
                builder,
                {
                  rows: divided.group.length,
                  group: divided.group,
                  groups: divided.names.length,
                  columns: (names) => work.table.columns(names),
                },
                work,
              );
              if (found === undefined) continue;
              near[`rows that ${Object.keys(builder)[0]} reads (${i + 1})`] =
                'whole' in found
                  ? refs[found.whole].sha256
                  : await listDigests(deps, found.table, found, divided.names.length, signal);
            }
            return own.map(({ name, rows, digest: ownDigest }, i) => ({
              name,
              rows,
              inputs: {
                'own rows': ownDigest,
                ...Object.fromEntries(
                  Object.entries(near).map(([what, digest]) => [what, typeof digest === 'string' ? digest : digest[i]]),
                ),
              },
            }));
          },
          { signal },
        ),
      { signal, step: `${input.step.id}/split` },
    );
  };

  const make = (input: StepInput, names: string[], context: StepContext) => {
    const { signal } = context;
    const refs = refsOf(input);
    return deps.lake.duckdb.session(
      (session) =>
        withTables(
          deps.lake,
          session,
          refs,
          async () => {
            const work = new Work(deps, session, definition, task, refs, context);
            await work.begin(inPartitions(by, names));
            for (const builder of table.steps) await work.apply(builder);
            const list = [...table.key, ...work.table.addedNames].map(quoteIdent).join(', ');
            const select = `select ${partitionOf(by)} as ${PARTITION}, ${list} from (${await work.table.select()})`;
            const options = { prefix, orderBy: [PARTITION, ...table.key], keyed: true, signal };
            return {
              table: await putTable(deps.lake, session, { select }, options),
              facts: new Map<string, Part['facts']>(),
            };
          },
          { signal },
        ),
      { signal, step: `${input.step.id}/part` },
    );
  };

  /** The parts beside the rows that they were made of. */
  const gather = (input: StepInput, parts: Part[], { signal }: StepContext) => {
    const ref = tableOf(input, from);
    const added = parts[0]?.columns.filter((name) => name !== PARTITION && !table.key.includes(name)) ?? [];
    const { tables, select: rows } = partsSql(parts);
    const kept = ref.columns.filter((name) => !added.includes(name));
    return deps.lake.duckdb.session(
      (session) =>
        withTables(
          deps.lake,
          session,
          { [from]: ref, ...tables },
          async () => {
            const keys = table.key.map((name) => `f.${quoteIdent(name)} = p.${quoteIdent(name)}`).join(' and ');
            const list = [
              ...kept.map((name) => `f.${quoteIdent(name)}`),
              ...added.map((name) => `p.${quoteIdent(name)}`),
            ];
            const select = `select ${list.join(', ')} from ${quoteIdent(from)} as f join (${rows}) as p on ${keys}`;
            const whole = await putTable(
              deps.lake,
              session,
              { select },
              {
                prefix,
                orderBy: sortOrder([...(table.sort ?? []), ...table.key]),
                keyed: true,
                signal,
              },
            );
            if (whole.rows !== ref.rows)
              throw new GeorefreshError('GR-2105', `${task.name}: ${ref.rows} rows of ${from} became ${whole.rows}`);
            return { table: whole, rowsIn: ref.rows };
          },
          { signal },
        ),
      { signal, step: input.step.id },
    );
  };

  return { output: task.name, from, prefix, ease: 1, split, make, gather };
}
