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
  if (column.type !== 'text' && column.type !== 'boolean') return column.values;
  const codes = column.type === 'text' ? column.codes : column.values;
  const ranks = column.type === 'text' ? ranksOfTexts(column.dictionary) : Uint32Array.of(0, 1);
  const missing = column.type === 'text' ? -1 : 255;
  const out = new Float64Array(codes.length);
  for (let row = 0; row < codes.length; row++) out[row] = codes[row] === missing ? Number.NaN : ranks[codes[row]];
  return out;
}

function ranksOfTexts(dictionary: readonly string[]): Uint32Array {
  const bytes = dictionary.map((text) => Buffer.from(text));
  const order = Uint32Array.from(bytes.keys()).sort((a, b) => Buffer.compare(bytes[a], bytes[b]));
  const ranks = new Uint32Array(order.length);
  for (let at = 1; at < order.length; at++)
    // The same text may stand in a dictionary twice.
    ranks[order[at]] = bytes[order[at]].equals(bytes[order[at - 1]]) ? ranks[order[at - 1]] : at;
  return ranks;
}
