import type { ContractColumn, Source } from '../../config/definition/source.js';
import { isLayer } from '../../config/definition/source.js';
import { quoteIdent as name, quoteLiteral as text } from '../../lake/sql.js';
import { cellName } from '../ingest/cell.js';

export const SQL_TYPES = {
  text: 'VARCHAR',
  integer: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  date: 'DATE',
} as const satisfies Record<ContractColumn['type'], string>;

/** A cell without what stands round it, null where it holds a mark for missing; no name of a column can look like it. */
export const valueName = (column: string): string => name(`value:${column}`);
const localName = (column: string): string => name(`local:${column}`);

/** The largest integer that a table in memory carries exactly. */
const EXACT = Number.MAX_SAFE_INTEGER;

/** Digits with a sign, and at most zeros behind a point: what else casts to an integer is rounded, cut or in another base. */
const WHOLE = String.raw`\s*[+-]?[0-9]+(\.0*)?\s*`;

/** What stands round a cell: blanks, ends of lines, and the blank that does not break. */
const BLANKS = text(' \t\r\n\f\u00a0');

const cellOf = (column: string, { from = column }: ContractColumn): string => cellName(from);

/** The cell, or null where it holds a mark for missing. */
export function present(column: string, rules: ContractColumn, source: Source): string {
  const nulls = rules.nulls ?? (isLayer(source) ? [''] : source.nulls);
  const cell = rules.trim ? `trim(${cellOf(column, rules)}, ${BLANKS})` : cellOf(column, rules);
  return nulls.length === 0 ? cell : `case when ${cell} in (${nulls.map(text).join(', ')}) then null else ${cell} end`;
}

export const padded = (cell: string, pad: number | undefined): string =>
  pad === undefined ? cell : `case when length(${cell}) < ${pad} then lpad(${cell}, ${pad}, '0') else ${cell} end`;

export const mapped = (cell: string, map: ContractColumn['map']): string =>
  map === undefined
    ? cell
    : `case ${cell} ${Object.entries(map)
        .map(([from, to]) => `when ${text(from)} then ${text(String(to))}`)
        .join(' ')} end`;

const markOf = (rules: ContractColumn, source: Source): string =>
  rules.decimal ?? (isLayer(source) ? '.' : source.decimal);

/** The text that is cast to a number: with a point for the decimal mark. */
function numeral(column: string, rules: ContractColumn, source: Source): string {
  const read = mapped(padded(valueName(column), rules.pad), rules.map);
  return markOf(rules, source) === ',' ? `replace(${read}, ',', '.')` : read;
}

/** Local time as it is written, moved by `shift`, before a zone is applied. */
function localTime(column: string, { type, formats, map, shift }: ContractColumn): string {
  const read = mapped(valueName(column), map);
  const plain = `try_cast(${read} as ${SQL_TYPES[type]})`;
  const iso =
    type === 'timestamp'
      ? `case when ${hasOffset(read)} then timezone('UTC', try_cast(${read} as timestamptz)) else ${plain} end`
      : plain;
  const parsed = formats === undefined ? iso : `try_strptime(${read}, [${formats.map(text).join(', ')}])`;
  const typed = formats !== undefined && type === 'date' ? `cast(${parsed} as date)` : parsed;
  return shift === undefined
    ? typed
    : `try(${typed} + interval '${shift.replace(/(ms|s|m|h|d)$/, (unit) => ` ${UNITS[unit]}`)}')`;
}

/** True for ISO 8601 with an offset from UTC, which the engine's cast to a local time would drop. */
const hasOffset = (read: string): string => `(contains(${read}, '+') or contains(substr(${read}, 12), '-'))`;

/** True for ISO 8601 that is no local time of any zone, as it says its own. */
const isInstant = (read: string): string =>
  `(${[hasOffset(read), ...['Z', 'z', 'UTC'].map((end) => `ends_with(${read}, '${end}')`)].join(' or ')})`;

const UNITS: Record<string, string> = { ms: 'milliseconds', s: 'seconds', m: 'minutes', h: 'hours', d: 'days' };

/** Clocks go back by an hour, and on one island by half of one. */
const STEPS = ['60 minutes', '30 minutes'] as const;

/**
 * Local time of a zone as UTC. The engine takes the later of two times that a clock showed twice, and moves one that it
 * left out: both are seen by going back, so a time that was never shown becomes null. So does one that no zone has, as it
 * lies too far away.
 */
function utc(local: string, zone: string): { value: string; never: string; earlier: string } {
  const at = `timezone(${text(zone)}, ${local})`;
  const back = (moment: string): string => `timezone(${text(zone)}, ${moment})`;
  const before = (step: string): string => back(`${at} - interval '${step}'`);
  const steps = STEPS.map((step) => `when ${before(step)} = ${local} then timezone('UTC', ${at} - interval '${step}')`);
  // Where the longest step back is one of the clock, too, it was not turned in between: nearly everywhere, and asked first.
  steps.unshift(`when ${before(STEPS[0])} = ${local} - interval '${STEPS[0]}' then null`);
  return {
    value: `try(timezone('UTC', ${at}))`,
    never: `try(${back(at)} <> ${local})`,
    earlier: `try(case ${steps.join(' ')} end)`,
  };
}

/** Columns that are made in turn: what the later ones need of a cell. */
export interface TypedColumn {
  /** In the first SELECT: local times. */
  locals: string[];
  /** In the second one: the typed value under the column's name. */
  value: string;
}

export function typedColumn(column: string, rules: ContractColumn, source: Source): TypedColumn {
  const { type, zone, repeated } = rules;
  if (type === 'text') return { locals: [], value: mapped(padded(valueName(column), rules.pad), rules.map) };
  if (type !== 'timestamp' && type !== 'date') {
    const read = type === 'boolean' ? mapped(valueName(column), rules.map) : numeral(column, rules, source);
    const value = `try_cast(${read} as ${SQL_TYPES[type]})`;
    // Minus zero becomes zero: dictionaries of Parquet take one for the other, whichever thread met it first.
    return { locals: [], value: type === 'double' ? `${value} + 0.0` : value };
  }
  const local = localTime(column, rules);
  if (zone === undefined) return { locals: [], value: local };
  const name = localName(column);
  const { value, never, earlier } = utc(name, zone);
  const first = `row_number() over (partition by _file, ${name} order by _row) = 1`;
  const choice: Record<typeof repeated, string> = {
    later: value,
    earlier: `coalesce(${earlier}, ${value})`,
    reject: `case when ${earlier} is null then ${value} end`,
    'in order': `case when ${first} then coalesce(${earlier}, ${value}) else ${value} end`,
  };
  const instant =
    rules.formats === undefined ? `when ${isInstant(mapped(valueName(column), rules.map))} then ${name} ` : '';
  return {
    locals: [`${local} as ${name}`],
    value: `case ${instant}when ${never} then null else ${choice[repeated]} end`,
  };
}

/** What `epoch` is to a cast, and it and `infinity` are to a format. */
const WORDS = ['1970-01-01', '1900-01-01'].map((day) => `timestamp '${day}'`).join(', ');

/**
 * True for a time that the engine's cast takes for one, and nobody else: words such as `infinity` and `epoch`, years that
 * have no four digits (`24` is most likely 2024), and for a day whatever follows its digits without being a time.
 */
function oddTime(value: string, column: string, { type, formats, map, shift }: ContractColumn): string {
  const read = mapped(valueName(column), map);
  const wordy = `not regexp_matches(${read}, '[0-9]')`;
  const year = `lpad(cast(year(${value}) as varchar), 4, '0')`;
  const odd = [
    `${value} not between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'`,
    shift === undefined ? `case when ${value} in (${WORDS}) then ${wordy} else false end` : wordy,
    `case when ${value} < timestamp '1000-01-01' then not contains(${read}, ${year}) else false end`,
  ];
  if (type === 'date' && formats === undefined)
    odd.push(
      `case when cast(${value} as varchar) = ${read} then false else try_cast(trim(${read}, ${BLANKS}) as timestamp) is null end`,
    );
  return odd.join(' or ');
}

/**
 * True for a cell that is no value of its type. The engine's cast is more lenient than a contract may be: it rounds
 * `5.7` to an integer, skips `_` between digits, and takes `inf` and `nan` for numbers. Integers are exact up to 2^53.
 * The pattern is only asked where the number is not spelt as its digits alone, which is rare and ten times as dear.
 */
export function wrongType(column: string, rules: ContractColumn, source: Source): string | undefined {
  const cell = valueName(column);
  const value = name(column);
  switch (rules.type) {
    case 'text':
      return undefined;
    case 'integer': {
      const read = numeral(column, rules, source);
      const odd = `(cast(${value} as varchar) <> ${read} and not regexp_full_match(${read}, ${text(WHOLE)}))`;
      return `${cell} is not null and (${value} is null or ${value} not between -${EXACT} and ${EXACT} or ${odd}${otherMark(column, rules, source)})`;
    }
    case 'double': {
      const read = numeral(column, rules, source);
      return `${cell} is not null and (${value} is null or not isfinite(${value}) or contains(${read}, '_')${otherMark(column, rules, source)})`;
    }
    case 'timestamp':
    case 'date': {
      const read = rules.zone === undefined ? value : localName(column);
      return `${cell} is not null and (${read} is null or ${oddTime(read, column, rules)})`;
    }
    default:
      return `${cell} is not null and ${value} is null`;
  }
}

/** With a comma for the mark, a point stands between thousands, or is a slip: neither may be guessed. */
const otherMark = (column: string, rules: ContractColumn, source: Source): string =>
  markOf(rules, source) === ',' && rules.map === undefined ? ` or contains(${valueName(column)}, '.')` : '';

/** True for a local time that the clock of its zone never showed, or showed twice where that is refused. */
export const wrongClock = (column: string, { zone }: ContractColumn): string | undefined =>
  zone === undefined ? undefined : `${localName(column)} is not null and ${name(column)} is null`;
