import { PARTITION } from './ledger.js';

/** A node of the engine's syntax tree, as far as is asked of it. */
interface Node {
  class?: string;
  type?: string;
  alias?: string;
  column_names?: string[];
  table_name?: string;
  schema_name?: string;
  function_name?: string;
  select_list?: Node[];
  group_sets?: unknown[];
  sample?: unknown;
  distinct_on_targets?: Node[];
  partitions?: Node[];
  using_columns?: string[];
  left?: Node;
  right?: Node;
  /** Of a star: whether it is `columns(…)`, and what it leaves out or changes. */
  columns?: boolean;
  exclude_list?: unknown;
  qualified_exclude_list?: unknown;
  replace_list?: unknown;
  rename_list?: unknown;
  cte_map?: { map?: { key: string }[] };
  function?: Node;
}

/** Functions that make rows of what a row holds. */
const MAKERS = ['unnest', 'range', 'generate_series'];

const REFUSED: Readonly<Record<string, string>> = {
  LIMIT_MODIFIER: 'a limit',
  LIMIT_PERCENT_MODIFIER: 'a limit',
  RECURSIVE_CTE_NODE: 'a recursive table',
  PIVOT: 'a table that is pivoted',
  SHOW_REF: 'a description of a table',
};

/**
 * Why a statement might look at several partitions at once, in words; undefined where it cannot. Every SELECT of it hands
 * on the column `_partition` as it is, so groups and distinct rows lie within one partition, as the engine wants whatever
 * is selected to be grouped by. Windows must say so by themselves, joins must be by that column, and what looks at a table
 * as a whole is refused. It is asked of the tree that `json_serialize_sql` gives, and refuses what it does not know.
 */
export function acrossPartitions(tree: unknown): string | undefined {
  const known = new Set(['self']);
  visit(tree, ({ cte_map: ctes }) => {
    for (const { key } of ctes?.map ?? []) known.add(key.toLowerCase());
    return undefined;
  });
  return visit(tree, (node) => faultOf(node, known));
}

/** The first answer of a question that is asked of every node, those above first. */
function visit(value: unknown, ask: (node: Node) => string | undefined): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const own = Array.isArray(value) ? undefined : ask(value as Node);
  if (own !== undefined) return own;
  for (const inner of Object.values(value)) {
    const found = visit(inner, ask);
    if (found !== undefined) return found;
  }
  return undefined;
}

function faultOf(node: Node, known: ReadonlySet<string>): string | undefined {
  const { class: kind, type = '', left, right, distinct_on_targets: on = [] } = node;
  if (kind === 'SUBQUERY') return 'a subquery within an expression';
  if (kind === 'WINDOW')
    return (node.partitions ?? []).some(isPartition) ? undefined : `a window without partition by ${PARTITION}`;
  switch (type) {
    case 'SELECT_NODE':
      return faultOfSelect(node);
    case 'SET_OPERATION_NODE':
      return [left, right].every(beginsWithIt) ? undefined : `a union of selects that do not begin with ${PARTITION}`;
    case 'BASE_TABLE':
      if (known.has(node.table_name?.toLowerCase() ?? '') && !node.schema_name) return undefined;
      return `a table other than self: ${node.table_name}`;
    case 'JOIN':
      return isWithin(node) ? undefined : `a join that is not by using (${PARTITION})`;
    case 'TABLE_FUNCTION':
      return MAKERS.includes(node.function?.function_name ?? '') ? undefined : 'a function that makes a table';
    case 'DISTINCT_MODIFIER':
      return on.length === 0 || on.some(isPartition) ? undefined : `distinct on without ${PARTITION}`;
    default:
      return REFUSED[type];
  }
}

function faultOfSelect({ select_list: list = [], sample, group_sets: sets = [] }: Node): string | undefined {
  if (!list.some(handsOn)) return `a select without the column ${PARTITION}`;
  if (list.some((one) => one.alias?.toLowerCase() === PARTITION && !isPartition(one)))
    return `another column with the name ${PARTITION}`;
  if (sets.length > 1) return 'several sets of groups';
  return sample === undefined || sample === null ? undefined : 'a sample';
}

/** Columns of a union are matched by their places. */
const beginsWithIt = (node: Node | undefined): boolean =>
  node?.type === 'SET_OPERATION_NODE' || (node?.select_list?.[0] !== undefined && isPartition(node.select_list[0]));

/** Side by side with what a row itself makes, or by the partition. */
const isWithin = ({ using_columns: using = [], left, right }: Node): boolean =>
  using.some((name) => name.toLowerCase() === PARTITION) ||
  left?.type === 'TABLE_FUNCTION' ||
  right?.type === 'TABLE_FUNCTION';

const isPartition = ({ class: kind, column_names: names = [] }: Node): boolean =>
  kind === 'COLUMN_REF' && names.at(-1)?.toLowerCase() === PARTITION;

/** A star that changes nothing of it, or the column itself under its own name. */
function handsOn(node: Node): boolean {
  if (node.class !== 'STAR') return isPartition(node) && (!node.alias || node.alias.toLowerCase() === PARTITION);
  const { columns, exclude_list, qualified_exclude_list, replace_list, rename_list } = node;
  const changed = JSON.stringify([exclude_list, qualified_exclude_list, replace_list, rename_list]).toLowerCase();
  return columns !== true && !changed.includes(`"${PARTITION}"`);
}
