import type { Anomaly, UniqueKey } from '../../config/definition/contract.js';
import { type ContractColumn, isLayer, type Source } from '../../config/definition/source.js';
import { quoteIdent as name, quoteLiteral as text } from '../../lake/sql.js';
import { padded, present, SQL_TYPES, typedColumn, valueName, wrongClock, wrongType } from './types.js';

interface Check {
  /** `<column>.<check>`, or the name of a rule: under it a row is put aside. */
  rule: string;
  /** SQL that is true for a row that breaks it. */
  broken: string;
  /** SQL text of the reason. */
  reason: string;
}

/** A check that sees more than a row: which of the rows of `_checked` that passed so far break it. */
export interface TableCheck {
  rule: string;
  severity: 'error' | 'warn';
  /** A SELECT of `_row` and `_other`: the rows that break it, and the row that each is held against, or null. */
  rows: string;
  reason: string;
}

/** A contract as SQL. A row is put aside under the first check, in the order of `rules`, that it breaks. */
export interface ContractSql {
  /** Columns of the files that are read. */
  reads: string[];
  /** Whether a row's number must be known while rows are checked, as a check puts them into another order. */
  numbered: boolean;
  /** Columns of the good rows in their declared order. */
  columns: string[];
  /**
   * The SELECT that gives each row its types and `_check`, the index of the first check of a row that it breaks, or null;
   * `numbered` with its `_row`, `filed` with the place of its file, `_file`.
   */
  checked(cells: string, numbered: boolean, filed?: boolean): string;
  /** A SELECT of the rows put aside, with `_row`, `raw`, `_rule` and `_reason`, from the table `_broken` and their cells. */
  aside(cells: string): string;
  rules: string[];
  /** Columns whose typed values reasons show. */
  shown: string[];
  /** Checks that are asked after those of a row, one after the other, with the number of each in `rules`. */
  later: (TableCheck & { at: number })[];
  /** Rules of a row that only count. */
  warnings: { rule: string; broken: string }[];
}

/** Characters of a value that a reason shows. */
const SHOWN = 80;

/**
 * Writes a contract as SQL over the cells of a source. Checks of a row come first; what sees more than a row is asked
 * among the rows that pass them, so that a broken row never pushes out a good one, and of several such checks one after
 * the other, each among the rows that are left. Values of personal columns appear in no reason.
 */
export function contractSql(source: Source): ContractSql {
  const layer = isLayer(source);
  const contract = Object.entries(source.columns);
  const typed = contract.map(([column, rules]) => ({ column, ...typedColumn(column, rules, source) }));
  const ofRow = [
    ...(layer ? SHAPE : []),
    ...contract.flatMap(([column, rules]) => cellChecks(column, rules, source)),
    ...ruleChecks(source, 'error'),
  ];
  const later = tableChecks(source);
  const rules = [...ofRow.map(({ rule }) => rule), ...later.map(({ rule }) => rule)];
  const passed = layer ? ['id', 'geometry', '_fault', '_crossing'] : [];
  const columns = [...(layer ? ['id', 'geometry'] : []), ...contract.map(([column]) => column)];
  const values = contract.map(([column, one]) => `${present(column, one, source)} as ${valueName(column)}`);
  const locals = typed.flatMap((one) => one.locals);
  const cases = ofRow.map(({ broken }, at) => `when ${broken} then ${at}`);

  return {
    columns,
    numbered: contract.some(([, { repeated: choice }]) => choice === 'in order'),
    rules,
    shown: contract.filter(([, { unique, personal }]) => unique && !personal).map(([column]) => column),
    later: later.map((check, i) => ({ ...check, at: ofRow.length + i })),
    reads: [...new Set(contract.map(([column, { from = column }]) => from))],
    warnings: ruleChecks(source, 'warn'),
    checked: (cells, numbered, filed = false) => `
      with cells as (${cells}),
      given as (select ${[...(numbered ? ['_row'] : []), '_file', ...passed, ...values].join(', ')} from cells),
      timed as (select ${['*', ...locals].join(', ')} from given),
      typed as (select ${['*', ...typed.map(({ column, value }) => `${value} as ${name(column)}`)].join(', ')} from timed)
      select ${[...(numbered ? ['_row'] : []), ...(filed ? ['_file'] : []), ...columns.map(name)].join(', ')},
        cast(${cases.length === 0 ? 'null' : `case ${cases.join(' ')} end`} as smallint) as _check
      from typed`,
    aside: (cells) => `
      with cells as (${cells}),
      given as (select ${['_row', 'raw', ...passed.filter((column) => column.startsWith('_')), ...values].join(', ')} from cells)
      select _row, given.raw, ${caseOf(rules.map(text))} as _rule,
        ${caseOf([...ofRow, ...later].map(({ reason }) => reason))} as _reason
      from _broken join given using (_row)`,
  };
}

const caseOf = (results: string[]): string =>
  results.length === 0
    ? 'cast(null as varchar)'
    : `case _check ${results.map((result, at) => `when ${at} then ${result}`).join(' ')} end`;

const SHAPE: Check[] = [
  { rule: 'geometry.type', broken: '_fault is not null', reason: '_fault' },
  { rule: 'geometry.crossing', broken: '_crossing is not null', reason: '_crossing' },
];

function cellChecks(column: string, rules: ContractColumn, source: Source): Check[] {
  const cell = valueName(column);
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
  const moment = (one: string): string => `cast(${text(one)} as ${SQL_TYPES[rules.type]})`;
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
  const wrong = wrongType(column, rules, source);
  if (wrong !== undefined) checks.push(check('type', wrong, `@ is not of type ${rules.type}`));
  const clock = wrongClock(column, rules);
  if (clock !== undefined)
    checks.push(
      check(
        'clock',
        clock,
        `@ is a time that the clock of ${rules.zone} ${rules.repeated === 'reject' ? 'left out or showed twice' : 'left out'}`,
      ),
    );
  if (rules.pattern !== undefined)
    checks.push(
      check('pattern', `not regexp_full_match(${value}, ${text(rules.pattern)})`, `@ does not match ${rules.pattern}`),
    );
  if (rules.min !== undefined) checks.push(check('min', `${value} < ${rules.min}`, `@ is below ${rules.min}`));
  if (rules.max !== undefined) checks.push(check('max', `${value} > ${rules.max}`, `@ is above ${rules.max}`));
  if (rules.notBefore !== undefined)
    checks.push(check('notBefore', `${value} < ${moment(rules.notBefore)}`, `@ is before ${rules.notBefore}`));
  if (rules.notAfter !== undefined)
    checks.push(check('notAfter', `${value} > ${moment(rules.notAfter)}`, `@ is after ${rules.notAfter}`));
  if (rules.allowed !== undefined)
    checks.push(
      check('allowed', `${value} not in (${set(rules.allowed)})`, `@ is not one of ${rules.allowed.join(', ')}`),
    );
  if (rules.forbidden !== undefined)
    checks.push(check('forbidden', `${value} in (${set(rules.forbidden)})`, '@ is not allowed'));
  return checks;
}

const ruleChecks = ({ rules }: Source, severity: 'error' | 'warn'): Check[] =>
  Object.entries(rules)
    .filter(([, rule]) => rule.severity === severity)
    .map(([rule, { check, reason }]) => ({
      rule,
      broken: `not (${check}\n)`,
      reason: text(reason ?? `breaks ${rule}`),
    }));

/** In the order in which they are asked: uniqueness, keys, references, rules over several tables, anomalies. */
function tableChecks(source: Source): TableCheck[] {
  const unique = Object.entries(source.columns).filter(([, { unique: one }]) => one);
  const { keys, references, across, anomalies } = source;
  return [
    ...unique.map(([column, { personal }]): TableCheck => {
      // A column of any name: `raw` is also what the cells as they came are called.
      const shown = personal ? 'its value' : `' || left(cast(_broken.${name(column)} as varchar), ${SHOWN}) || '`;
      return {
        rule: `${column}.unique`,
        severity: 'error',
        rows: repeated([column]),
        reason: `'${column}: ${shown} stands in row ' || _other || ' already'`,
      };
    }),
    ...Object.entries(keys).map(
      ([rule, { columns, keep }]): TableCheck => ({
        rule,
        severity: 'error',
        rows: repeated(columns, keep),
        reason: `'${columns.join(', ')}: their values stand in row ' || _other || ' ${keep === 'first' ? 'already' : 'again'}'`,
      }),
    ),
    ...Object.entries(references).map(
      ([rule, { columns, source: other, to, severity }]): TableCheck => ({
        rule,
        severity,
        rows: `select _row, cast(null as bigint) as _other from _checked as c anti join ${name(other)} as o
        on ${columns.map((column, i) => `c.${name(column)} = o.${name(to[i] ?? column)}`).join(' and ')}
        where _check is null and ${columns.map((column) => `c.${name(column)} is not null`).join(' and ')}`,
        reason: text(`${columns.join(', ')}: not among the rows of ${other}`),
      }),
    ),
    ...Object.entries(across).map(
      ([rule, { broken, severity, reason }]): TableCheck => ({
        rule,
        severity,
        rows: `with self as (select * from _checked where _check is null), found as (${broken}\n)
        select distinct _row, cast(null as bigint) as _other from found semi join self using (_row)`,
        reason: text(reason ?? `breaks ${rule}`),
      }),
    ),
    ...Object.entries(anomalies).map(
      ([rule, anomaly]): TableCheck => ({
        rule,
        severity: anomaly.severity,
        rows: unlikeRows(anomaly, source),
        reason: text(`${anomaly.column}: ${UNLIKE[anomaly.method]}`),
      }),
    ),
  ];
}

/** Rows whose values stand in an earlier row (or a later one, where the last stays); rows that lack one are never repeated. */
function repeated(columns: readonly string[], keep: UniqueKey['keep'] = 'first'): string {
  const all = columns.map(name).join(', ');
  const there = columns.map((column) => `${name(column)} is not null`).join(' and ');
  const good = `from _checked where _check is null and ${there}`;
  // In three goes: row numbers are only asked for where values are found more than once, which is seldom.
  return `with doubles as materialized (select ${all} ${good} group by ${all} having count(*) > 1),
    rows as materialized (select _row, ${all} from (select _row, ${all} ${good}) semi join doubles using (${all})),
    kept as (select ${all}, ${keep === 'first' ? 'min' : 'max'}(_row) as _other from rows group by ${all})
    select _row, _other from rows join kept using (${all}) where _row <> _other`;
}

const UNLIKE = {
  mad: 'its value is far from the median',
  iqr: 'its value is far outside the quartiles',
  rare: 'few rows have its value',
} as const;

/** Makes the median absolute deviation of normal values their standard deviation (Leys et al. 2013). */
const SCALE = 1.4826;

const THRESHOLDS = { mad: 6, iqr: 3, rare: 0.001 } as const;

/** Rows whose value is unlike those of its group. Where half of a group or more are equal, no value of it is. */
function unlikeRows({ column, method, threshold = THRESHOLDS[method], by }: Anomaly, source: Source): string {
  const isTime = ['timestamp', 'date'].includes(source.columns[column]?.type ?? '');
  const value = isTime ? `epoch(${name(column)})` : name(column);
  const group = by.map(name);
  const over = `with good as (select ${[...group, '_row', `${value} as _value`].join(', ')} from _checked where _check is null and ${name(column)} is not null)`;
  const select = 'select g._row, cast(null as bigint) as _other from good as g';
  const same = by.map((one) => `g.${name(one)} is not distinct from s.${name(one)}`);
  const grouped = group.length === 0 ? '' : ` group by ${group.join(', ')}`;
  const join = (condition: string): string => `join stats as s on ${[...same, condition].join(' and ')}`;
  if (method === 'rare')
    return `${over}, counts as (select ${[...group, '_value', 'count(*) as _n'].join(', ')} from good group by ${[...group, '_value'].join(', ')}),
      stats as (select *, sum(_n) over (${group.length === 0 ? '' : `partition by ${group.join(', ')}`}) as _all from counts)
      ${select} ${join(`g._value = s._value and s._n < ${threshold} * s._all`)}`;
  if (method === 'mad')
    return `${over}, stats as (select ${[...group, 'median(_value) as _middle', 'mad(_value) as _spread'].join(', ')} from good${grouped})
      ${select} ${join(`s._spread > 0 and abs(g._value - s._middle) > ${threshold * SCALE} * s._spread`)}`;
  return `${over}, stats as (select ${[...group, 'quantile_cont(_value, 0.25) as _low', 'quantile_cont(_value, 0.75) as _high'].join(', ')} from good${grouped})
    ${select} ${join(`_high > _low and (g._value < _low - ${threshold} * (_high - _low) or g._value > _high + ${threshold} * (_high - _low))`)}`;
}
