import type { Path } from '../documents/faults.js';
import type { Findings } from './findings.js';
import type { Pipeline } from './pipeline.js';
import { addedBy, type TableAt } from './references.js';
import type { Builder } from './table.js';

/** Why a step needs the whole table, and where it says so. */
function wholeTable(step: Builder): { path: Path; text: string } | undefined {
  if ('rollup' in step && step.rollup.of === undefined)
    return { path: ['rollup'], text: 'groups of the table itself may cross partitions; name another table with `of`' };
  if ('rollup' in step && step.rollup.on === undefined)
    return {
      path: ['rollup'],
      text: 'a rollup without `on` makes other rows, so the table cannot be made in partitions',
    };
  const matched =
    'assign' in step ? ['assign', step.assign] : 'nearest' in step ? ['nearest', step.nearest] : undefined;
  const [name, { unmatched }] = (matched ?? ['', {}]) as [string, { unmatched?: string }];
  if (unmatched === 'quarantine')
    return {
      path: [name, 'unmatched'],
      text: 'a table made in partitions keeps all its rows, none can be quarantined',
    };
  return undefined;
}

const isSql = (step: Builder): boolean => 'sql' in step;

/** Own columns by which a step finds the rows of others that count for its own. */
function ownKeys(step: Builder): { path: Path; name: string }[] {
  if ('rollup' in step) return (step.rollup.on ?? []).map((name, i) => ({ path: ['rollup', 'on', i], name }));
  if ('nearest' in step)
    return Object.keys(step.nearest.within ?? {}).map((name) => ({ path: ['nearest', 'within', name], name }));
  return [];
}

/**
 * A table in partitions comes out as in one piece where its steps only add columns, each row's by itself, and where the
 * columns that decide who can reach a partition are there from the beginning. SQL makes other rows; that it looks at one
 * partition at a time is asked of its syntax, once there is an engine to parse it.
 */
export function checkPartition({ path, table }: TableAt, { sources }: Pipeline, out: Findings): void {
  const { partition, from, key, steps, uses } = table;
  if (partition === undefined) return;
  const by = partition.map(({ column }) => column);
  if (from === undefined) {
    out.add([...path, 'partition'], 'a table without `from` has no rows to divide');
    return;
  }
  const source = Object.hasOwn(sources, from) ? sources[from] : undefined;
  const columns = source && [...Object.keys(source.columns), ...(source.format === 'csv' ? [] : ['id', 'geometry'])];
  for (const { column, part } of partition) {
    if (columns !== undefined && !out.expectKnown([...path, 'partition'], 'column', column, columns)) continue;
    const type = source?.columns[column]?.type;
    if (part !== undefined && type !== undefined && type !== 'timestamp' && type !== 'date')
      out.add([...path, 'partition'], `column \`${column}\` is of type ${type}, not a time`);
  }
  if (steps.some(isSql)) {
    if (!steps.every((step) => isSql(step) || 'derive' in step))
      out.add(
        [...path, 'steps', steps.findIndex(isSql), 'sql'],
        'sql of a table made in partitions stands with derive alone',
        'key',
      );
    if (uses.length > 0) out.add([...path, 'uses'], 'sql of a table made in partitions reads `self` alone');
    return;
  }

  const added = new Set<string>();
  for (const [i, step] of steps.entries()) {
    const at = [...path, 'steps', i];
    const whole = wholeTable(step);
    if (whole !== undefined) out.add([...at, ...whole.path], whole.text, whole.path.length === 1 ? 'key' : 'value');
    for (const own of ownKeys(step)) {
      const place = 'nearest' in step ? 'key' : 'value';
      if (added.has(own.name) || columns?.includes(own.name) === false)
        out.add(
          [...at, ...own.path],
          `\`${own.name}\` is no column of \`${from}\`; partitions are told apart before any step`,
          place,
        );
    }
    for (const name of addedBy(step)) {
      if (by.includes(name) || key.includes(name) || columns?.includes(name) === true)
        out.add(at, `\`${name}\` is a column of \`${from}\`; a table made in partitions only gets further ones`);
      added.add(name);
    }
  }
}
