import type { ContractColumn, Source } from '../../config/definition/source.js';
import { quoteIdent as name, quoteLiteral as text } from '../../lake/sql.js';

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

/** A cell as it came, beside the typed column; no name of a column can look like it. */
const cellOf = (column: string): string => name(`cell:${column}`);

/** Characters of a value that a reason shows. */
const SHOWN = 80;

/**
 * Writes the checks of a contract as one SELECT. Row checks come first; uniqueness is asked among the rows that pass
 * them, so that a broken row never pushes out a good one, and of several unique columns one after the other, each among
 * the rows that are left. Values of personal columns appear in no reason.
 */
export function contractSql(source: Source, rawTable: string): ContractSql {
  const polygons = source.format !== 'csv';
  const nulls = source.format === 'csv' ? source.nulls : [''];
  const cell = (column: string, { from = column }: ContractColumn): string =>
    polygons ? `json_extract_string(properties, ${text(`$."${from.replaceAll('"', '\\"')}"`)})` : name(from);

  const contract = Object.entries(source.columns);
  const cells = contract.map(([column, rules]) => `${present(cell(column, rules), nulls)} as ${cellOf(column)}`);
  const typed = contract.map(([column, rules]) => `${converted(column, rules)} as ${name(column)}`);
  const checks = [...(polygons ? [SHAPE] : []), ...contract.flatMap(([column, rules]) => rowChecks(column, rules))];
  const unique = contract.filter(([, rules]) => rules.unique).map(([column]) => column);
  const kept = [...(polygons ? ['id', 'geometry'] : []), ...contract.map(([column]) => column)];
  const passed = polygons ? ['id', 'geometry', '_fault'] : [];

  const names = kept.map(name).join(', ');
  return {
    columns: kept,
    checked: `
      with cells as (select _row, ${[...passed, ...cells].join(', ')} from ${name(rawTable)}),
      typed as (select *, ${typed.length > 0 ? typed.join(', ') : 'null as _none'} from cells),
      judged0 as (select _row, ${names}, ${firstOf(checks, 'rule')} as _rule, ${firstOf(checks, 'reason')} as _reason from typed)
      ${unique.map((column, i) => uniqueness(column, i, names, source)).join('')}
      select * from judged${unique.length}`,
  };
}

const SHAPE: Check = { rule: 'geometry.type', broken: '_fault is not null', reason: '_fault' };

/** Further tables of the SELECT: the rows with what uniqueness of one more column says of them. */
function uniqueness(column: string, at: number, names: string, source: Source): string {
  const value = name(column);
  const shown = source.columns[column]?.personal ? 'its value' : `' || left(cast(${value} as varchar), ${SHOWN}) || '`;
  const again = `_rule is null and _first < _row`;
  return `, first${at} as (select *, case when _rule is null and ${value} is not null
      then first_value(_row) over (partition by _rule is null, ${value} order by _row) end as _first from judged${at}),
    judged${at + 1} as (select _row, ${names},
      case when ${again} then ${text(`${column}.unique`)} else _rule end as _rule,
      case when ${again} then '${column}: ${shown} stands in row ' || _first || ' already' else _reason end as _reason
      from first${at})`;
}

/** The cell, or null where it holds a mark for missing. */
const present = (cell: string, nulls: string[]): string =>
  nulls.length === 0 ? cell : `case when ${cell} in (${nulls.map(text).join(', ')}) then null else ${cell} end`;

function converted(column: string, { type, pad, map }: ContractColumn): string {
  const cell = cellOf(column);
  const read = mapped(padded(cell, pad), map);
  return type === 'text' ? read : `try_cast(${read} as ${SQL_TYPES[type]})`;
}

const padded = (cell: string, pad: number | undefined): string =>
  pad === undefined ? cell : `case when length(${cell}) < ${pad} then lpad(${cell}, ${pad}, '0') else ${cell} end`;

const mapped = (cell: string, map: ContractColumn['map']): string =>
  map === undefined
    ? cell
    : `case ${cell} ${Object.entries(map)
        .map(([from, to]) => `when ${text(from)} then ${text(String(to))}`)
        .join(' ')} end`;

function rowChecks(column: string, rules: ContractColumn): Check[] {
  const cell = cellOf(column);
  const value = name(column);
  const found = rules.personal ? 'its value' : `' || left(${cell}, ${SHOWN}) || '`;
  const check = (kind: string, broken: string, reason: string): Check => ({
    rule: `${column}.${kind}`,
    broken,
    // The first @ alone: a pattern may hold others, and what is put in may hold $.
    reason: `'${column}: ${reason.replaceAll("'", "''").replace('@', () => found)}'`,
  });
  const literal = (one: string | number): string =>
    typeof one === 'number' && rules.type !== 'text' ? String(one) : text(String(one));
  const set = (values: readonly (string | number)[]): string => values.map(literal).join(', ');

  const checks: Check[] = [];
  if (rules.required) checks.push(check('required', `${cell} is null`, 'no value'));
  if (rules.map !== undefined)
    checks.push(
      check(
        'map',
        `${padded(cell, rules.pad)} not in (${Object.keys(rules.map).map(text).join(', ')})`,
        '@ is none of the values known',
      ),
    );
  const wrong = wrongType(rules.type, mapped(cell, rules.map), value);
  if (wrong !== undefined) checks.push(check('type', wrong, `@ is not of type ${rules.type}`));
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

/** The largest integer that a table in memory carries exactly. */
const EXACT = Number.MAX_SAFE_INTEGER;

/** Digits with a sign, and at most zeros behind a point: what else casts to an integer is rounded, cut or in another base. */
const WHOLE = String.raw`\s*[+-]?[0-9]+(\.0*)?\s*`;

/**
 * True for a cell that is no value of its type. The engine's cast is more lenient than a contract may be: it rounds
 * `5.7` to an integer, skips `_` between digits, and takes `inf` and `nan` for numbers. Integers are exact up to 2^53.
 */
function wrongType(type: ContractColumn['type'], cell: string, value: string): string | undefined {
  switch (type) {
    case 'text':
      return undefined;
    case 'integer':
      return `${cell} is not null and (${value} is null or ${value} not between -${EXACT} and ${EXACT} or not regexp_full_match(${cell}, ${text(WHOLE)}))`;
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
