import { GeorefreshError } from '../../../config/errors.js';
import type { Column, Columns, TextColumn } from '../../../lake/types.js';

export const sharedFloat64 = (rows: number): Float64Array => new Float64Array(new SharedArrayBuffer(rows * 8));
export const sharedInt32 = (rows: number): Int32Array => new Int32Array(new SharedArrayBuffer(rows * 4));

/** A column of a table; a definition that names one that is not there is a fault of the definition: GR-1003. */
export function columnOf(table: Columns, name: string): Column {
  const column = table.columns[name];
  if (column === undefined)
    throw new GeorefreshError('GR-1003', `no column ${name}; there are ${Object.keys(table.columns).join(', ')}`);
  return column;
}

/** Values of a column as a reader of rows expects them: text, truths or null, numbers (NaN where missing). */
export function valuesOf(column: Column): ArrayLike<unknown> {
  if (column.type === 'boolean') return Array.from(column.values, (value) => (value === 255 ? null : value === 1));
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
  const [first, theirs] = [own[0], their[0]];
  if (own.length === 1 && first.type === 'text' && theirs.type === 'text')
    return [first.codes, translated(theirs, first)];
  let groups: [Int32Array, Int32Array] = [sharedInt32(ownRows), sharedInt32(theirRows)];
  for (let k = 0; k < own.length; k++) {
    const values = new Map<unknown, number>();
    const codes = [codesOf(own[k], values), codesOf(their[k], values)];
    const pairs = new Map<number, number>();
    const width = Math.max(1, values.size);
    groups = [paired(groups[0], codes[0], width, pairs), paired(groups[1], codes[1], width, pairs)];
  }
  return groups;
}

/** Numbers the groups of a table's rows, 0 for the first row's; a missing key is a value of its own. */
export function groupsOf(columns: Column[], rows: number): Int32Array {
  if (columns.length === 1 && columns[0].type === 'text') return relabelled(columns[0]);
  let groups = sharedInt32(rows);
  for (const column of columns) {
    const values = new Map<unknown, number>();
    const codes = codesOf(column, values);
    // Missing ones (-1) become the last value.
    for (let row = 0; row < rows; row++) if (codes[row] < 0) codes[row] = values.size;
    groups = paired(groups, codes, values.size + 1, new Map());
  }
  return groups;
}

/** Places of texts in a dictionary, kept as long as it: several builders of a step join by the same column. */
const places = new WeakMap<readonly string[], Map<string, number>>();

/** Codes of a column in another one's dictionary; texts that are not there are numbered behind it. */
function translated({ codes, dictionary }: TextColumn, into: TextColumn): Int32Array {
  let known = places.get(into.dictionary);
  if (known === undefined) {
    known = new Map(into.dictionary.map((text, place) => [text, place]));
    places.set(into.dictionary, known);
  }
  const numbers = new Int32Array(dictionary.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = known.get(dictionary[i]) ?? into.dictionary.length + i;
  const result = sharedInt32(codes.length);
  for (let row = 0; row < codes.length; row++) result[row] = codes[row] < 0 ? -1 : numbers[codes[row]];
  return result;
}

/** Codes of a column numbered by first appearance; the missing value is one of them. */
function relabelled({ codes, dictionary }: TextColumn): Int32Array {
  const numbers = new Int32Array(dictionary.length + 1).fill(-1);
  const result = sharedInt32(codes.length);
  let next = 0;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] < 0 ? dictionary.length : codes[row];
    if (numbers[code] < 0) numbers[code] = next++;
    result[row] = numbers[code];
  }
  return result;
}

/** Each value as its number in `seen`, which grows; -1 where missing. */
function codesOf(column: Column, seen: Map<unknown, number>): Int32Array {
  const codeOf = (value: unknown): number => {
    let code = seen.get(value);
    if (code === undefined) {
      code = seen.size;
      seen.set(value, code);
    }
    return code;
  };
  if (column.type === 'text') {
    // By dictionary entry: a text is looked up once, however many rows have it.
    const numbers = new Int32Array(column.dictionary.length).fill(-1);
    return Int32Array.from(column.codes, (code) => {
      if (code < 0) return -1;
      if (numbers[code] < 0) numbers[code] = codeOf(column.dictionary[code]);
      return numbers[code];
    });
  }
  const missing = column.type === 'boolean' ? (value: number) => value === 255 : Number.isNaN;
  return Int32Array.from(column.values, (value) => (missing(value) ? -1 : codeOf(value)));
}

/** Numbers pairs of numbers in order of first appearance; -1 where either is. Exact while width × groups < 2^53. */
function paired(groups: Int32Array, codes: Int32Array, width: number, seen: Map<number, number>): Int32Array {
  const result = sharedInt32(groups.length);
  for (let row = 0; row < groups.length; row++) {
    if (groups[row] < 0 || codes[row] < 0) {
      result[row] = -1;
      continue;
    }
    const pair = groups[row] * width + codes[row];
    let number = seen.get(pair);
    if (number === undefined) {
      number = seen.size;
      seen.set(pair, number);
    }
    result[row] = number;
  }
  return result;
}
