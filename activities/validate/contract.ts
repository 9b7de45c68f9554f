import type { ContractColumn, Source } from '../../config/definition/source.js';
import { quoteIdent as name, quoteLiteral as text } from '../../lake/sql.js';

const literal = (value: string | number): string => (typeof value === 'number' ? String(value) : text(value));

export const SQL_TYPES = {
  text: 'VARCHAR',
  integer: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  date: 'DATE',
} as const satisfies Record<ContractColumn['type'], string>;

interface Check {
  /** `<column>.<check>`: the rule under which a row is put aside. */
  rule: string;
  /** SQL that is true for a row that breaks it. */
  broken: string;
  /** SQL text of the reason. */
  reason: string;
}

/** A contract as SQL over the raw table, whose cells are text. */
export interface ContractSql {
  /**
   * Every row of the raw table with its typed columns, `_row`, and `_rule`, `_reason`: the first check, in the order of
   * the contract, that it breaks, or null.
   */
  checked: string;
  /** Columns of the good rows in their declared order. */
  columns: string[];
}

/**
 * Writes the checks of a contract as one SELECT. Row checks come first; uniqueness is asked among the rows that pass
 * them, so that a broken row never pushes out a good one. Values of personal columns appear in no reason.
 */
export function contractSql(source: Source, rawTable: string): ContractSql {
  const polygons = source.format !== 'csv';
  const nulls = source.format === 'csv' ? source.nulls : [''];
  const cell = (column: string, { from = column }: ContractColumn): string =>
    polygons ? `json_extract_string(properties, ${text(`$."${from.replaceAll('"', '\\"')}"`)})` : name(from);

  const contract = Object.entries(source.columns);
  const cells = contract.map(([column, rules]) => `${present(cell(column, rules), nulls)} as ${name(`_${column}`)}`);
  const typed = contract.map(([column, rules]) => `${converted(column, rules)} as ${name(column)}`);
  const checks = [...(polygons ? [SHAPE] : []), ...contract.flatMap(([column, rules]) => rowChecks(column, rules))];
  const unique = contract.filter(([, rules]) => rules.unique).map(([column]) => column);
  const kept = [...(polygons ? ['id', 'geometry'] : []), ...contract.map(([column]) => column)];
  const passed = polygons ? ['id', 'geometry', 'fault'] : [];

  const names = kept.map(name).join(', ');
  return {
    columns: kept,
    checked: `
      with cells as (select _row, ${[...passed, ...cells].join(', ')} from ${name(rawTable)}),
      typed as (select *, ${typed.length > 0 ? typed.join(', ') : 'null as _none'} from cells),
      judged as (select _row, ${names}, ${firstOf(checks, 'rule')} as _rule, ${firstOf(checks, 'reason')} as _reason from typed)
      ${uniqueness(unique, names, source)}`,
  };
}

const SHAPE: Check = { rule: 'geometry.type', broken: 'fault is not null', reason: 'fault' };

function uniqueness(unique: string[], names: string, source: Source): string {
  if (unique.length === 0) return 'select * from judged';
  const again = unique.map((column) => {
    const partition = `partition by _rule is null, ${name(column)}`;
    return `case when _rule is null and ${name(column)} is not null
      then first_value(_row) over (${partition} order by _row) end as ${name(`_first_${column}`)}`;
  });
  const checks = unique.map((column): Check => {
    const shown = source.columns[column]?.personal ? 'its value' : `' || cast(${name(column)} as varchar) || '`;
    return {
      rule: `${column}.unique`,
      broken: `${name(`_first_${column}`)} < _row`,
      reason: `'${column}: ${shown} stands in row ' || ${name(`_first_${column}`)} || ' already'`,
    };
  });
  return `, again as (select *, ${again.join(', ')} from judged)
    select _row, ${names}, coalesce(_rule, ${firstOf(checks, 'rule')}) as _rule,
      coalesce(_reason, ${firstOf(checks, 'reason')}) as _reason from again`;
}

/** The cell, or null where it holds a mark for missing. */
const present = (cell: string, nulls: string[]): string =>
  nulls.length === 0 ? cell : `case when ${cell} in (${nulls.map(text).join(', ')}) then null else ${cell} end`;

function converted(column: string, { type, pad, map }: ContractColumn): string {
  const cell = name(`_${column}`);
  if (type === 'text')
    return pad === undefined
      ? mapped(cell, map)
      : `case when length(${cell}) < ${pad} then lpad(${cell}, ${pad}, '0') else ${cell} end`;
  return `try_cast(${mapped(cell, map)} as ${SQL_TYPES[type]})`;
}

const mapped = (cell: string, map: ContractColumn['map']): string =>
  map === undefined
    ? cell
    : `case ${cell} ${Object.entries(map)
        .map(([from, to]) => `when ${text(from)} then ${text(String(to))}`)
        .join(' ')} end`;

function rowChecks(column: string, rules: ContractColumn): Check[] {
  const cell = name(`_${column}`);
  const value = name(column);
  const found = rules.personal ? 'its value' : `' || left(${cell}, 80) || '`;
  const check = (kind: string, broken: string, reason: string): Check => ({
    rule: `${column}.${kind}`,
    broken,
    reason: `'${column}: ${reason.replaceAll("'", "''")}'`.replace('@', found),
  });
  const set = (values: readonly (string | number)[]): string => values.map(literal).join(', ');

  const checks: Check[] = [];
  if (rules.required) checks.push(check('required', `${cell} is null`, 'no value'));
  if (rules.map !== undefined)
    checks.push(check('map', `${cell} not in (${set(Object.keys(rules.map))})`, '@ is none of the values known'));
  const wrong = wrongType(rules.type, cell, value);
  if (wrong !== undefined && rules.map === undefined)
    checks.push(check('type', wrong, `@ is not of type ${rules.type}`));
  if (rules.pattern !== undefined)
    checks.push(
      check('pattern', `not regexp_full_match(${value}, ${text(rules.pattern)})`, `@ does not match ${rules.pattern}`),
    );
  if (rules.min !== undefined) checks.push(check('min', `${value} < ${rules.min}`, `@ is below ${rules.min}`));
  if (rules.max !== undefined) checks.push(check('max', `${value} > ${rules.max}`, `@ is above ${rules.max}`));
  if (rules.allowed !== undefined)
    checks.push(
      check('allowed', `${value} not in (${set(rules.allowed)})`, `@ is not one of ${rules.allowed.join(', ')}`),
    );
  if (rules.forbidden !== undefined)
    checks.push(check('forbidden', `${value} in (${set(rules.forbidden)})`, '@ is not allowed'));
  return checks;
}

/**
 * True for a cell that is no value of its type. The engine's cast is more lenient than a contract may be: it rounds
 * `5.7` to an integer, skips `_` between digits, and takes `inf` and `nan` for numbers.
 */
function wrongType(type: ContractColumn['type'], cell: string, value: string): string | undefined {
  switch (type) {
    case 'text':
      return undefined;
    case 'integer':
      return `${cell} is not null and (${value} is null or contains(${cell}, '_') or (contains(${cell}, '.') and try_cast(${cell} as double) <> ${value}))`;
    case 'double':
      return `${cell} is not null and (${value} is null or not isfinite(${value}) or contains(${cell}, '_'))`;
    default:
      return `${cell} is not null and ${value} is null`;
  }
}

const firstOf = (checks: Check[], part: 'rule' | 'reason'): string =>
  checks.length === 0
    ? 'cast(null as varchar)'
    : `case ${checks.map((check) => `when ${check.broken} then ${part === 'rule' ? text(check.rule) : check.reason}`).join(' ')} end`;
