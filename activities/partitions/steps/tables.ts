import type { PartitionColumn } from '../../../config/definition/partition.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent } from '../../../lake/sql.js';
import { putTable, sessionWith } from '../../../lake/tables.js';
import { type Deps, prefixOf, tableOf } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import { Work } from '../../features/steps/work.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { sortOrder } from '../../resolve/parameters.js';
import { readsOf, type TableTask, tableTasks } from '../../resolve/plan.js';
import type { StepInput } from '../../types.js';
import { PARTITION, type Part, type Planned, partsSql } from '../ledger.js';
import { neighboursOf } from '../neighbours.js';
import { finestOf, ownPartitions } from './own.js';
import { demandPartitionable } from './partitionable.js';
import type { Partitioner } from './partitioner.js';
import { inPartitions, nearDigests, partitionOf, readPartitioning } from './rows.js';

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

  const split: Partitioner['split'] = (input, context) => {
    const refs = refsOf(input);
    const plan = async (session: Session): Promise<Planned[]> => {
      const work = new Work(deps, session, definition, task, refs, context);
      await work.begin();
      await demandPartitionable(session, table, by, refs[from].columns);
      const about = { name: from, sha256: refs[from].sha256 };
      const own = await ownPartitions(session, about, refs[from].columns, by, finestOf(definition, from, by));
      const { group } = await readPartitioning(session, about, by);
      const columns = (names: string[]) => work.table.columns(names);
      const divided = { rows: group.length, group, groups: own.length, columns };
      const near: Record<string, string[] | string> = {};
      for (const [i, builder] of table.steps.entries()) {
        const found = await neighboursOf(builder, divided, work);
        if (found === undefined) continue;
        near[`rows that ${Object.keys(builder)[0]} reads (${i + 1})`] =
          'whole' in found
            ? refs[found.whole].sha256
            : await nearDigests(deps, found, [about.sha256, by, builder], own.length, context.signal);
      }
      return own.map(({ name, rows, digest: ownDigest }, i) => {
        const nearby = Object.entries(near).map(([what, digest]) => [
          what,
          typeof digest === 'string' ? digest : digest[i],
        ]);
        return { name, rows, inputs: { 'own rows': ownDigest, ...Object.fromEntries(nearby) } };
      });
    };
    return sessionWith(deps.lake, refs, plan, { signal: context.signal, step: `${input.step.id}/split` });
  };

  const make: Partitioner['make'] = (input, names, context) => {
    const { signal } = context;
    const refs = refsOf(input);
    return sessionWith(
      deps.lake,
      refs,
      async (session) => {
        const work = new Work(deps, session, definition, task, refs, context);
        await work.begin(inPartitions(by, names));
        for (const builder of table.steps) await work.apply(builder);
        const list = [...table.key, ...work.table.addedNames].map(quoteIdent).join(', ');
        const select = `select ${partitionOf(by)} as ${PARTITION}, ${list} from (${await work.table.select()})`;
        const options = { prefix, orderBy: [PARTITION, ...table.key], keyed: true, signal };
        const made = await putTable(deps.lake, session, { select }, options);
        return { table: made, facts: new Map<string, Part['facts']>() };
      },
      { signal, step: `${input.step.id}/part` },
    );
  };

  /** The parts beside the rows that they were made of. */
  const gather = (input: StepInput, parts: Part[], { signal }: StepContext) => {
    const ref = tableOf(input, from);
    const added = parts[0]?.columns.filter((name) => name !== PARTITION && !table.key.includes(name)) ?? [];
    const { tables, select: rows } = partsSql(parts);
    const kept = ref.columns.filter((name) => !added.includes(name));
    const { select, ordered } = besideSql(definition, task, { kept, added, rows });
    return sessionWith(
      deps.lake,
      { [from]: ref, ...tables },
      async (session) => {
        const orderBy = ordered ? [] : sortOrder([...(table.sort ?? []), ...table.key]);
        const whole = await putTable(deps.lake, session, { select }, { prefix, orderBy, keyed: true, signal });
        if (whole.rows !== ref.rows)
          throw new GeorefreshError('GR-2105', `${task.name}: ${ref.rows} rows of ${from} became ${whole.rows}`);
        return { table: whole, rowsIn: ref.rows };
      },
      { signal, step: input.step.id },
    );
  };

  return { output: task.name, from, prefix, ease: 1, split, make, gather };
}

/**
 * A SELECT of the added columns beside those of the table that was divided, and whether its rows come in the order that the
 * definition declares. Where that table lies in the same order, by a key that it was made with, the few columns of the parts
 * are brought into it and laid beside the others: sorting the rows of a wide table takes as long as all else.
 */
function besideSql(
  definition: FrozenDefinition,
  { table }: TableTask,
  { kept, added, rows }: { kept: readonly string[]; added: readonly string[]; rows: string },
): { select: string; ordered: boolean } {
  const { from = '', key } = table;
  const maker = tableTasks(definition).find(({ name }) => name === from)?.table;
  const orderOf = ({ sort = [], key }: TableTask['table']): string => JSON.stringify([[...sort, ...key], key]);
  const ordered = maker !== undefined && (table.sort ?? []).length === 0 && orderOf(maker) === orderOf(table);
  const list = [
    ...kept.map((name) => {
      const column = `f.${quoteIdent(name)}`;
      if (!ordered || !key.includes(name)) return column;
      return `case when ${column} is not distinct from p.${quoteIdent(name)} then ${column} else error('rows of another key') end as ${quoteIdent(name)}`;
    }),
    ...added.map((name) => `p.${quoteIdent(name)}`),
  ].join(', ');
  const names = key.map(quoteIdent);
  const same = names.map((name) => `f.${name} = p.${name}`).join(' and ');
  const inOrder = names.map((name) => `${name} asc nulls last`).join(', ');
  const select = ordered
    ? `select ${list} from ${quoteIdent(from)} as f positional join (select * from (${rows}) order by ${inOrder}) as p`
    : `select ${list} from ${quoteIdent(from)} as f join (${rows}) as p on ${same}`;
  return { select, ordered };
}
