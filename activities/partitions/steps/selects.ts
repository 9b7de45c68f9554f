import type { PartitionColumn } from '../../../config/definition/partition.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent } from '../../../lake/sql.js';
import { putTable, sessionWith } from '../../../lake/tables.js';
import type { Artifact } from '../../../lake/types.js';
import { type Deps, prefixOf, tableOf } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import { Work } from '../../features/steps/work.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { sortOrder } from '../../resolve/parameters.js';
import type { TableTask } from '../../resolve/plan.js';
import type { StepInput } from '../../types.js';
import { PARTITION, type Part, partsSql } from '../ledger.js';
import { finestOf, ownPartitions } from './own.js';
import { demandPartitionable } from './partitionable.js';
import type { Partitioner } from './partitioner.js';
import { inPartitions, partitionOf } from './rows.js';

/** SQL makes as many times more rows than kernels in the same time. */
const EASE = 20;

/** The place of a row in its source: it moves where another partition gains a row, so the SQL does not see it. */
const ROW = '_row';

/**
 * Makes a table by SQL that looks at one partition at a time: `self` holds the rows of some partitions, with the name of
 * each in the column `_partition`, which the SQL hands on.
 */
export function selectPartitioner(
  deps: Deps,
  definition: FrozenDefinition,
  task: TableTask,
  by: readonly PartitionColumn[],
): Partitioner {
  const { table } = task;
  const from = table.from ?? '';
  const prefix = prefixOf(definition.pipeline.name, task.stage === 'features' ? 'features' : 'predictions');

  const inSession = <T>(
    { step }: StepInput,
    what: string,
    tables: Record<string, Artifact>,
    { signal }: StepContext,
    work: (session: Session) => Promise<T>,
  ): Promise<T> =>
    sessionWith(deps.lake, tables, work, {
      signal,
      step: `${step.id}${what}`,
    });

  const columnsOf = (input: StepInput): string[] => tableOf(input, from).columns.filter((name) => name !== ROW);

  return {
    output: task.name,
    from,
    prefix,
    ease: EASE,
    split: (input, context) =>
      inSession(input, '/split', { [from]: tableOf(input, from) }, context, async (session) => {
        const ref = tableOf(input, from);
        await demandPartitionable(session, table, by, ref.columns);
        const about = { name: from, sha256: ref.sha256 };
        const own = await ownPartitions(session, about, columnsOf(input), by, finestOf(definition, from, by));
        return own.map(({ name, rows, digest }) => ({ name, rows, inputs: { 'own rows': digest } }));
      }),
    make: (input, names, context) =>
      inSession(input, '/part', { [from]: tableOf(input, from) }, context, async (session) => {
        const work = new Work(deps, session, definition, task, { [from]: tableOf(input, from) }, context);
        const list = [...columnsOf(input).map(quoteIdent), `${partitionOf(by)} as ${PARTITION}`];
        await work.begin(inPartitions(by, names), list.join(', '));
        for (const builder of table.steps) await work.apply(builder);
        const options = { prefix, orderBy: [PARTITION, ...table.key], keyed: true, signal: context.signal };
        const made = await putTable(deps.lake, session, { select: await work.table.select() }, options);
        return { table: made, facts: new Map<string, Part['facts']>() };
      }),
    gather: (input, parts, context) => {
      const { tables, select: rows } = partsSql(parts);
      return inSession(input, '', tables, context, async (session) => {
        const select = `select * exclude (${PARTITION}) from (${rows})`;
        await demandKey(session, table.key, select, task.name);
        const orderBy = sortOrder([...(table.sort ?? []), ...table.key]);
        const options = { prefix, orderBy, keyed: true, signal: context.signal };
        const whole = await putTable(deps.lake, session, { select }, options);
        return { table: whole, rowsIn: tableOf(input, from).rows };
      });
    },
  };
}

/** Refuses with GR-2105 rows of different partitions that have the same key. */
async function demandKey(session: Session, key: readonly string[], select: string, name: string): Promise<void> {
  const list = key.map(quoteIdent).join(', ');
  const repeated = await session.readColumns(
    `select 1 as n from (${select}) group by ${list} having count(*) > 1 limit 1`,
  );
  if (repeated.rows > 0)
    throw new GeorefreshError('GR-2105', `${name} has more than one row for the same ${key.join(', ')}`);
}
