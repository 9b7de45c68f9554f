import { quoteIdent, quoteLiteral } from './sql.js';

/** A column as it is on both sides of a comparison; DuckDB's names of the types. */
export interface SharedColumn {
  name: string;
  before: string;
  after: string;
}

/** What a comparison is made of; the columns are on both sides. */
export interface Comparison {
  key: readonly SharedColumn[];
  /** All the others. */
  compared: readonly SharedColumn[];
  /** The number that rows are ranked by, for people; one of `compared`. */
  score: SharedColumn | undefined;
  /** Where a row stands in its table means something. */
  ranked: boolean;
}

const SIDES = ['before', 'after'] as const;
export type Side = (typeof SIDES)[number];

const INTEGER = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;
const FLOAT = /^(DOUBLE|FLOAT)$/;

export const isNumber = (type: string): boolean => INTEGER.test(type) || FLOAT.test(type) || type.startsWith('DECIMAL');

/**
 * A column so that both sides can be compared: numbers of any type with each other, other types that differ as texts.
 * DuckDB takes NaN as equal to NaN, and 0 to -0.
 */
function comparable({ name, before, after }: SharedColumn): string {
  const same = before === after || (isNumber(before) && isNumber(after));
  return same ? quoteIdent(name) : `CAST(${quoteIdent(name)} AS VARCHAR)`;
}

/** Each side's rows with their places, 1 for the first: a published table is written in its declared order. */
const placed = (side: Side, columns: readonly string[]): string =>
  `(SELECT ${columns.map((column) => `${column}, `).join('')}row_number() OVER () AS p FROM ${side})`;

/** How many values of the key stand in more than one row of a side. */
export const repeatedKeys = (side: Side, key: readonly SharedColumn[]): string =>
  `SELECT count(*) AS n FROM (SELECT 1 FROM ${side} GROUP BY ${key.map(({ name }) => quoteIdent(name)).join(', ')} HAVING count(*) > 1)`;

/**
 * One row a key: places `p0` and `p1` (missing where the row is not there), scores `s0` and `s1`, and for each compared
 * column, in turn, whether it differs (`c0`, `c1`, …). A missing part of a key equals a missing one.
 */
export function joined({ key, compared, score }: Comparison): string {
  const keys = key.map((column, k) => `${comparable(column)} AS k${k}`);
  const values = compared.map((column, c) => `${comparable(column)} AS v${c}`);
  const scores = score === undefined ? [] : [`CAST(${quoteIdent(score.name)} AS DOUBLE) AS s`];
  const side = (name: Side): string => placed(name, [...keys, ...values, ...scores]);
  const columns = [
    ...['b.p AS p0', 'a.p AS p1'],
    ...(score === undefined ? [] : ['b.s AS s0', 'a.s AS s1']),
    ...compared.map((_, c) => `b.p IS NOT NULL AND a.p IS NOT NULL AND b.v${c} IS DISTINCT FROM a.v${c} AS c${c}`),
  ];
  const on = key.map((_, k) => `b.k${k} IS NOT DISTINCT FROM a.k${k}`);
  return `SELECT ${columns.join(', ')} FROM ${side('before')} b FULL JOIN ${side('after')} a ON ${on.join(' AND ')}`;
}

const both = 'p0 IS NOT NULL AND p1 IS NOT NULL';
const anyOf = (compared: readonly unknown[]): string =>
  compared.length === 0 ? 'false' : `(${compared.map((_, c) => `c${c}`).join(' OR ')})`;

/** Counts of rows over `table`, which holds what `joined` gives; and, as `n0`, `n1`, …, how often each column differs. */
export const counts = (table: string, { compared }: Comparison): string => {
  const count = (name: string, where: string): string => `count(*) FILTER (${where}) AS ${name}`;
  return `SELECT ${[
    count('before', 'p0 IS NOT NULL'),
    count('after', 'p1 IS NOT NULL'),
    count('added', 'p0 IS NULL'),
    count('gone', 'p1 IS NULL'),
    count('changed', `${both} AND ${anyOf(compared)}`),
    count('moved', `${both} AND p0 <> p1`),
    ...compared.map((_, c) => count(`n${c}`, `c${c}`)),
  ].join(', ')} FROM ${table}`;
};

/** Which rows are told one by one, and in which order. */
export type Told = 'added' | 'gone' | 'differing';

/**
 * At most `top` rows of what `joined` gives, numbered by `n`. Those that differ come by how far they moved where the table is ranked, else by how
 * much their score changed, else as they stand; `within` keeps those that stood among the first so many at some time.
 */
export function picked(
  table: string,
  told: Told,
  { ranked, score, compared }: Comparison,
  { top, within }: { top: number; within?: number },
): string {
  const farthest = ranked
    ? 'abs(p1 - p0) DESC, '
    : score === undefined
      ? ''
      : 'abs(s1 - s0) DESC NULLS LAST, (s0 IS NULL) = (s1 IS NULL), ';
  const [where, order] = {
    added: ['p0 IS NULL', 'p1'],
    gone: ['p1 IS NULL', 'p0'],
    differing: [`${both} AND ${ranked ? `(p0 <> p1 OR ${anyOf(compared)})` : anyOf(compared)}`, `${farthest}p1`],
  }[told];
  const head = within === undefined || !ranked ? '' : ` AND least(coalesce(p0, p1), coalesce(p1, p0)) <= ${within}`;
  const flags = compared.map((_, c) => `, c${c}`).join('');
  return `SELECT p0, p1${flags}, row_number() OVER (ORDER BY ${order}) AS n FROM ${table} WHERE ${where}${head} ORDER BY n LIMIT ${top}`;
}

/** Integers that JSON's readers would round, and doubles that JSON has no number for, become texts. */
function jsonValue(name: string, type: string): string {
  const column = quoteIdent(name);
  const text = `to_json(CAST(${column} AS VARCHAR))`;
  if (FLOAT.test(type)) return `CASE WHEN isfinite(${column}) THEN to_json(${column}) ELSE ${text} END`;
  if (/^U?(BIG|HUGE)INT$/.test(type))
    return `CASE WHEN ${column} BETWEEN -9007199254740991 AND 9007199254740991 THEN to_json(${column}) ELSE ${text} END`;
  return isNumber(type) || type === 'BOOLEAN' ? `to_json(${column})` : text;
}

/** The rows at the places in `picks`, in its order, beside what stands there: each side as JSON text, null where it has no such row. */
export function rowsAt(picks: string, columns: Record<Side, readonly { name: string; type: string }[]>): string {
  const side = (name: Side): string => {
    const fields = columns[name].map(
      (column) => `${quoteLiteral(column.name)}: ${jsonValue(column.name, column.type)}`,
    );
    return placed(name, [`CAST(to_json({${fields.join(', ')}}) AS VARCHAR) AS j`]);
  };
  // The places narrow a side down before its rows become text.
  return `SELECT x.*, b.j AS "before", a.j AS "after" FROM ${picks} x
    LEFT JOIN ${side('before')} b ON b.p = x.p0 LEFT JOIN ${side('after')} a ON a.p = x.p1 ORDER BY x.n`;
}
