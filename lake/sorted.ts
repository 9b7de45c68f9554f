import { type SortOrder, sortKeys } from './sql.js';
import type { Column, Columns } from './types.js';

/**
 * Whether the rows of a table stand in a declared order already, and no two of them tie: written as they stand they give
 * the bytes that sorting would give. Descending keys, and rows that only a missing value tells apart, are left to the engine.
 */
export function isSorted({ rows, columns }: Columns, orderBy: SortOrder): boolean {
  const keys: ArrayLike<number>[] = [];
  for (const { column, descending } of sortKeys(orderBy)) {
    const values = columns[column];
    if (values === undefined || descending === true) return false;
    keys.push(ranksOf(values));
  }
  for (let row = 1; row < rows; row++) if (!ascends(keys, row)) return false;
  return true;
}

/** Whether a row stands behind the one before it; a missing value is neither before nor behind another. */
function ascends(keys: readonly ArrayLike<number>[], row: number): boolean {
  for (const values of keys) {
    if (values[row] > values[row - 1]) return true;
    if (values[row] !== values[row - 1]) return false;
  }
  return false;
}

/** Numbers that sort as the values do, NaN where one is missing. Texts sort by their bytes. */
function ranksOf(column: Column): ArrayLike<number> {
  if (column.type === 'boolean')
    return Float64Array.from(column.values, (value) => (value === 255 ? Number.NaN : value));
  if (column.type !== 'text') return column.values;
  const bytes = column.dictionary.map((text) => Buffer.from(text));
  const order = bytes.map((_, code) => code).sort((a, b) => Buffer.compare(bytes[a], bytes[b]));
  const rank = new Int32Array(order.length);
  // The same text may stand in a dictionary twice.
  for (const [at, code] of order.entries())
    rank[code] = at > 0 && bytes[code].equals(bytes[order[at - 1]]) ? rank[order[at - 1]] : at;
  return Float64Array.from(column.codes, (code) => (code < 0 ? Number.NaN : rank[code]));
}
