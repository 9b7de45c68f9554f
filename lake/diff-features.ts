import { GeorefreshError } from '../config/errors.js';
import type { RowDiff, Value } from './diff-rows.js';
import { isNumber, type Side } from './diff-sql.js';
import type { Lake } from './lake.js';
import type { Session } from './session.js';
import { quoteIdent } from './sql.js';
import { sessionWith } from './tables.js';
import type { Artifact, CallOptions, Column, Columns } from './types.js';

/** Rows of two tables, aligned: row i of each is that of the i-th key, all missing where it has none. */
export interface AlignedRows extends Record<Side, Columns> {
  /** Population deviation of each column that is a number, over all rows of the earlier table, to four digits; 0 where it has none. */
  deviation: Record<string, number>;
}

/**
 * The rows of two tables that have the keys of `rows`, with those of the columns named that a table has. A key is
 * compared by its text. GR-2105 where it names more than one row of a table.
 */
export async function readAligned(
  lake: Lake,
  tables: Record<Side, Artifact>,
  { key, columns, rows }: { key: readonly string[]; columns: readonly string[]; rows: readonly RowDiff[] },
  options: CallOptions = {},
): Promise<AlignedRows> {
  return sessionWith(
    lake,
    { before: tables.before, after: tables.after },
    async (session) => {
      await session.createTable('wanted', keysOf(key, rows));
      const on = key.map((name, k) => `CAST(t.${quoteIdent(name)} AS VARCHAR) IS NOT DISTINCT FROM w.k${k}`);
      const read = async (side: Side): Promise<Columns> => {
        const there = new Set((await session.describe(`SELECT * FROM ${side}`)).map(({ name }) => name));
        const taken = columns.filter((name) => there.has(name)).map((name) => `, t.${quoteIdent(name)}`);
        const found = await session.readColumns(
          `SELECT w.n AS "#"${taken.join('')} FROM wanted w LEFT JOIN ${side} t ON ${on.join(' AND ')} ORDER BY w.n`,
        );
        if (found.rows !== rows.length)
          throw new GeorefreshError('GR-2105', `${key.join(', ')} names more than one row of ${tables[side].uri}`);
        return found;
      };
      const deviation = await deviations(session, columns);
      return { before: await read('before'), after: await read('after'), deviation };
    },
    options,
  );
}

async function deviations(session: Session, columns: readonly string[]): Promise<Record<string, number>> {
  const numbers = (await session.describe('SELECT * FROM before')).filter(
    ({ name, type }) => columns.includes(name) && isNumber(type),
  );
  if (numbers.length === 0) return {};
  const terms = numbers.map(({ name }, i) => {
    const value = `CAST(${quoteIdent(name)} AS DOUBLE)`;
    return `stddev_pop(${value}) FILTER (isfinite(${value})) AS d${i}`;
  });
  const { columns: found } = await session.readColumns(`SELECT ${terms.join(', ')} FROM before`);
  // Threads add in another order each time, which the last digits show.
  const rounded = (i: number): number => Number(Number(valueAt(found[`d${i}`], 0) ?? 0).toPrecision(4));
  return Object.fromEntries(numbers.map(({ name }, i) => [name, rounded(i)]));
}

function keysOf(key: readonly string[], rows: readonly RowDiff[]): Columns {
  const columns: Columns['columns'] = {
    n: { type: 'integer', values: Float64Array.from(rows, (_, row) => row) },
  };
  for (const [k, name] of key.entries()) {
    const values = rows.map((row) => row.key[name] ?? null);
    columns[`k${k}`] = {
      type: 'text',
      codes: Int32Array.from(values, (value, row) => (value === null ? -1 : row)),
      dictionary: values.map(String),
    };
  }
  return { rows: rows.length, columns };
}

/** A cell as a value; null where it, or the column, is missing. */
export function valueAt(column: Column | undefined, row: number): Value {
  if (column === undefined) return null;
  if (column.type === 'text') return column.dictionary[column.codes[row] ?? -1] ?? null;
  const value = column.values[row] ?? Number.NaN;
  if (column.type === 'boolean') return value === 255 ? null : value === 1;
  return Number.isNaN(value) ? null : value;
}
