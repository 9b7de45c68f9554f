import type { Column, Columns, TextColumn } from '../../../lake/types.js';

export const sharedFloat64 = (rows: number): Float64Array => new Float64Array(new SharedArrayBuffer(rows * 8));
export const sharedInt32 = (rows: number): Int32Array => new Int32Array(new SharedArrayBuffer(rows * 4));

/** A column of a table; a definition that names one that is not there is a fault of the definition. */
export function columnOf(table: Columns, name: string): Column {
  const column = table.columns[name];
  if (column === undefined)
    throw new TypeError(`no column ${name}; there are ${Object.keys(table.columns).join(', ')}`);
  return column;
}

/** Values of a column as a reader of rows expects them: text or null, numbers (NaN where missing). */
export function valuesOf(column: Column): ArrayLike<unknown> {
  if (column.type !== 'text') return column.values;
  const { codes, dictionary } = column;
  const values = new Array<string | null>(codes.length);
  for (let row = 0; row < codes.length; row++) values[row] = codes[row] < 0 ? null : dictionary[codes[row]];
  return values;
}

export function textColumn(rows: number, valueAt: (row: number) => string | null | undefined): TextColumn {
  const codes = sharedInt32(rows);
  const dictionary: string[] = [];
  const seen = new Map<string, number>();
  for (let row = 0; row < rows; row++) {
    const value = valueAt(row);
    if (value === null || value === undefined) {
      codes[row] = -1;
      continue;
    }
    let code = seen.get(value);
    if (code === undefined) {
      code = dictionary.push(value) - 1;
      seen.set(value, code);
    }
    codes[row] = code;
  }
  return { type: 'text', codes, dictionary };
}

/** The column with row `index[i]` of it at row i; -1 is missing. */
export function gather(column: Column, index: Int32Array): Column {
  const rows = index.length;
  if (column.type === 'text') {
    const codes = sharedInt32(rows);
    for (let row = 0; row < rows; row++) codes[row] = index[row] < 0 ? -1 : column.codes[index[row]];
    return { type: 'text', codes, dictionary: column.dictionary };
  }
  if (column.type === 'boolean') {
    const values = new Uint8Array(new SharedArrayBuffer(rows));
    for (let row = 0; row < rows; row++) values[row] = index[row] < 0 ? 255 : column.values[index[row]];
    return { type: 'boolean', values };
  }
  const values = sharedFloat64(rows);
  for (let row = 0; row < rows; row++) values[row] = index[row] < 0 ? Number.NaN : column.values[index[row]];
  return { type: column.type, values };
}

/** The rows named, in that order. */
export const takeRows = (table: Columns, index: Int32Array): Columns => ({
  rows: index.length,
  columns: Object.fromEntries(Object.entries(table.columns).map(([name, column]) => [name, gather(column, index)])),
});

/**
 * Numbers the groups that two tables share: rows whose key columns are equal, on either side, get the same group.
 * A row with a missing key is in none (-1).
 */
export function sharedGroups(
  own: Column[],
  their: Column[],
  ownRows: number,
  theirRows: number,
): [Int32Array, Int32Array] {
  const groups = new Map<string, number>();
  const number = (columns: Column[], rows: number): Int32Array => {
    const values = columns.map(valuesOf);
    const result = sharedInt32(rows);
    for (let row = 0; row < rows; row++) {
      const key = keyAt(values, row);
      if (key === undefined) {
        result[row] = -1;
        continue;
      }
      let group = groups.get(key);
      if (group === undefined) {
        group = groups.size;
        groups.set(key, group);
      }
      result[row] = group;
    }
    return result;
  };
  return [number(own, ownRows), number(their, theirRows)];
}

function keyAt(values: ArrayLike<unknown>[], row: number): string | undefined {
  let key = '';
  for (const column of values) {
    const value = column[row];
    if (value === null || Number.isNaN(value)) return undefined;
    key += `${key === '' ? '' : '\u0000'}${value}`;
  }
  return key;
}
