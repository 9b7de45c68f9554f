import { type ColumnTable, table } from 'arquero';
import { GeorefreshError } from '../config/errors.js';
import type { Column, Columns } from './types.js';

/** A text column that arquero reads in place: a value a row, from code and dictionary. */
class TextView {
  readonly length: number;
  readonly #codes: Int32Array;
  readonly #dictionary: string[];

  constructor(codes: Int32Array, dictionary: string[]) {
    this.length = codes.length;
    this.#codes = codes;
    this.#dictionary = dictionary;
  }

  at(row: number): string | null {
    return this.#dictionary[this.#codes[row] ?? -1] ?? null;
  }
}

class BooleanView {
  readonly length: number;
  readonly #values: Uint8Array;

  constructor(values: Uint8Array) {
    this.length = values.length;
    this.#values = values;
  }

  at(row: number): boolean | null {
    const value = this.#values[row];
    return value === undefined || value === 255 ? null : value === 1;
  }
}

/** The table as arquero sees it, nothing copied. Missing numbers are NaN, which arquero's aggregates leave out; others null. Its orderby puts missing ones first. */
export function toArquero({ columns }: Columns): ColumnTable {
  const views = Object.entries(columns).map(([name, column]) => [name, viewOf(column)] as const);
  return table(Object.fromEntries(views));
}

function viewOf(column: Column): Float64Array | TextView | BooleanView {
  if (column.type === 'text') return new TextView(column.codes, column.dictionary);
  return column.type === 'boolean' ? new BooleanView(column.values) : column.values;
}

/**
 * An arquero table's visible rows, in its order, as columns over shared memory. Types are those of the values (numbers
 * `double`, Date `timestamp`) unless named; a column of nothing but missing values is `double`. Mixed types: GR-2106.
 */
export function fromArquero(source: ColumnTable, types: Readonly<Record<string, Column['type']>> = {}): Columns {
  const rows = source.numRows();
  const columns: Record<string, Column> = {};
  for (const name of source.columnNames()) {
    // Its rows are those that are left by filters, in the table's order.
    const at: (row: number) => unknown = source.getter(name);
    columns[name] = columnOf(name, types[name] ?? typeOf(at, rows), at, rows);
  }
  return { rows, columns };
}

function typeOf(at: (row: number) => unknown, rows: number): Column['type'] {
  for (let row = 0; row < rows; row++) {
    const value = at(row);
    if (typeof value === 'string') return 'text';
    if (typeof value === 'boolean') return 'boolean';
    if (value instanceof Date) return 'timestamp';
    if (typeof value === 'number' && !Number.isNaN(value)) return 'double';
  }
  return 'double';
}

function columnOf(name: string, type: Column['type'], at: (row: number) => unknown, rows: number): Column {
  const wrong = (value: unknown): never => {
    throw new GeorefreshError('GR-2106', `column ${name} (${type}) holds ${typeof value} ${String(value)}`);
  };
  if (type === 'text') return textColumn(at, rows, wrong);
  if (type === 'boolean') {
    const values = new Uint8Array(new SharedArrayBuffer(rows));
    for (let row = 0; row < rows; row++) {
      const value = at(row);
      values[row] =
        value === null || value === undefined ? 255 : typeof value === 'boolean' ? Number(value) : wrong(value);
    }
    return { type, values };
  }
  const values = new Float64Array(new SharedArrayBuffer(rows * 8));
  for (let row = 0; row < rows; row++) {
    const value = at(row);
    if (value === null || value === undefined) values[row] = Number.NaN;
    else if (typeof value === 'number') values[row] = value;
    else if (value instanceof Date) values[row] = value.getTime();
    else wrong(value);
  }
  return { type, values };
}

function textColumn(at: (row: number) => unknown, rows: number, wrong: (value: unknown) => never): Column {
  const codes = new Int32Array(new SharedArrayBuffer(rows * 4));
  const dictionary: string[] = [];
  const known = new Map<string, number>();
  for (let row = 0; row < rows; row++) {
    const value = at(row);
    if (value === null || value === undefined) {
      codes[row] = -1;
      continue;
    }
    const text = typeof value === 'string' ? value : wrong(value);
    let code = known.get(text);
    if (code === undefined) {
      code = dictionary.length;
      dictionary.push(text);
      known.set(text, code);
    }
    codes[row] = code;
  }
  return { type: 'text', codes, dictionary };
}
