import type { DuckDBAppender, DuckDBType } from '@duckdb/node-api';
import { BIGINT, BOOLEAN, DOUBLE, DuckDBDataChunk, TIMESTAMP, VARCHAR } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { GeorefreshError } from '../config/errors.js';
import type { Column, Columns, TextColumn } from './types.js';

/** Rows of one DuckDB vector. */
export const VECTOR_ROWS = 2048;

/** DuckDB's type of a column: DOUBLE, BIGINT, TIMESTAMP, BOOLEAN or VARCHAR. */
export function duckdbTypeOf(column: Column): DuckDBType {
  switch (column.type) {
    case 'double':
      return DOUBLE;
    case 'integer':
      return BIGINT;
    case 'timestamp':
      return TIMESTAMP;
    case 'boolean':
      return BOOLEAN;
    case 'text':
      return VARCHAR;
  }
}

/** Appends a table, column by column, to one of the same column types in order; the event loop runs now and then. */
export async function appendColumns(appender: DuckDBAppender, table: Columns, signal?: AbortSignal): Promise<void> {
  const columns = Object.entries(table.columns);
  for (const [name, column] of columns) checkLength(name, column, table.rows);
  const types = columns.map(([, column]) => duckdbTypeOf(column));
  const writers = columns.map(([name, column]) => new VectorWriter(name, column));
  for (let at = 0, vectors = 0; at < table.rows; at += VECTOR_ROWS, vectors++) {
    const rows = Math.min(VECTOR_ROWS, table.rows - at);
    const chunk = DuckDBDataChunk.create(types, rows);
    for (const [k, writer] of writers.entries()) writer.write(duckdb.data_chunk_get_vector(chunk.chunk, k), at, rows);
    appender.appendDataChunk(chunk);
    if (vectors % 16 === 15) {
      await new Promise<void>((resume) => setImmediate(resume));
      signal?.throwIfAborted();
    }
  }
}

/** Throws GR-2106 where a column has not one value a row. */
export function checkLength(name: string, column: Column, rows: number): void {
  const length = column.type === 'text' ? column.codes.length : column.values.length;
  if (length !== rows)
    throw new GeorefreshError('GR-2106', `column ${name} has ${length} values, the table ${rows} rows`);
}

/** Bytes of a text that stand in its cell; a longer one has them elsewhere. */
const INLINE = 12;

/** Copies rows of a column into DuckDB's vectors. */
export class VectorWriter {
  /** Cells of the dictionary's texts, 16 bytes each: length and bytes; all zero for the long ones, which the engine takes one by one. */
  readonly #cells: Int32Array;
  readonly #long = new Map<number, Buffer>();
  /** Values as DuckDB lays them out, of one vector. */
  readonly #ticks = new BigInt64Array(VECTOR_ROWS * 2);
  readonly #words = new Int32Array(this.#ticks.buffer);
  readonly #doubles = new Float64Array(this.#ticks.buffer);
  readonly #validity = new Uint8Array(VECTOR_ROWS / 8);
  #missing = false;

  constructor(
    private readonly name: string,
    private readonly column: Column,
  ) {
    const dictionary = column.type === 'text' ? column.dictionary : [];
    const cells = Buffer.alloc(dictionary.length * 16);
    for (const [code, text] of dictionary.entries()) {
      const bytes = Buffer.from(text, 'utf8');
      if (bytes.length > INLINE) this.#long.set(code, bytes);
      else {
        cells.writeUInt32LE(bytes.length, code * 16);
        bytes.copy(cells, code * 16 + 4);
      }
    }
    this.#cells = new Int32Array(cells.buffer, cells.byteOffset, dictionary.length * 4);
  }

  /** Copies `rows` rows from `from` on, at most 2048; GR-2106 where a value is none of the column's type. */
  write(vector: duckdb.Vector, from: number, rows: number): void {
    const { column } = this;
    this.#validity.fill(255);
    this.#missing = false;
    if (column.type === 'text') this.#writeTexts(vector, column, from, rows);
    else if (column.type === 'boolean') this.#writeBooleans(vector, column.values, from, rows);
    else if (column.type === 'double') this.#writeDoubles(vector, column.values, from, rows);
    else this.#writeWhole(vector, column.type, column.values, from, rows);
    if (!this.#missing) return;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.#validity.buffer as ArrayBuffer, 0, Math.ceil(rows / 64) * 8);
  }

  #miss(row: number): void {
    this.#validity[row >> 3] &= ~(1 << (row & 7));
    this.#missing = true;
  }

  #writeTexts(vector: duckdb.Vector, { codes, dictionary }: TextColumn, from: number, rows: number): void {
    const [cells, words] = [this.#cells, this.#words];
    for (let row = 0; row < rows; row++) {
      const code = codes[from + row];
      if (code >= dictionary.length)
        throw new GeorefreshError(
          'GR-2106',
          `column ${this.name} has code ${code}, its dictionary ${dictionary.length} texts`,
        );
      if (code < 0) this.#miss(row);
      for (let word = 0; word < 4; word++) words[row * 4 + word] = code < 0 ? 0 : cells[code * 4 + word];
    }
    copyInto(vector, this.#words, rows * 16);
    if (this.#long.size === 0) return;
    for (let row = 0; row < rows; row++) {
      const text = this.#long.get(codes[from + row]);
      if (text !== undefined) duckdb.vector_assign_string_element_len(vector, row, text);
    }
  }

  #writeBooleans(vector: duckdb.Vector, all: Uint8Array, from: number, rows: number): void {
    const values = all.slice(from, from + rows);
    for (let row = 0; row < rows; row++) {
      if (values[row] !== 255) continue;
      values[row] = 0;
      this.#miss(row);
    }
    copyInto(vector, values, rows);
  }

  #writeDoubles(vector: duckdb.Vector, values: Float64Array, from: number, rows: number): void {
    // The binding takes no shared memory.
    this.#doubles.set(values.subarray(from, from + rows));
    for (let row = 0; row < rows; row++) if (Number.isNaN(this.#doubles[row])) this.#miss(row);
    copyInto(vector, this.#doubles, rows * 8);
  }

  /** Integers as they are, times in microseconds: both as integers of 64 bits, which two words of 32 make at a tenth of BigInt's cost. */
  #writeWhole(
    vector: duckdb.Vector,
    type: 'integer' | 'timestamp',
    values: Float64Array,
    from: number,
    rows: number,
  ): void {
    const factor = type === 'timestamp' ? 1000 : 1;
    for (let row = 0; row < rows; row++) {
      const value = values[from + row];
      const ticks = value * factor;
      if (Number.isSafeInteger(ticks) && Number.isInteger(value)) {
        const high = Math.floor(ticks / TWO_32);
        this.#words[row * 2] = ticks - high * TWO_32;
        this.#words[row * 2 + 1] = high;
      } else if (Number.isNaN(value)) this.#miss(row);
      else {
        const tick = type === 'timestamp' ? microseconds(value) : undefined;
        if (tick === undefined)
          throw new GeorefreshError('GR-2106', `column ${this.name} (${type}) holds ${value} at row ${from + row}`);
        this.#ticks[row] = tick;
      }
    }
    copyInto(vector, this.#ticks, rows * 8);
  }
}

const TWO_32 = 2 ** 32;

const copyInto = (vector: duckdb.Vector, values: ArrayBufferView, bytes: number): void =>
  duckdb.copy_data_to_vector(vector, 0, values.buffer as ArrayBuffer, values.byteOffset, bytes);

/** DuckDB's ±infinity: the greatest int64, and its negative. */
const INFINITE = 2n ** 63n - 1n;

/** Milliseconds as microseconds, whole and fraction apart, so that far years stay exact; undefined out of DuckDB's range. */
function microseconds(ms: number): bigint | undefined {
  if (!Number.isFinite(ms)) return ms > 0 ? INFINITE : -INFINITE;
  const whole = Math.floor(ms);
  if (!Number.isSafeInteger(whole)) return undefined;
  const ticks = BigInt(whole) * 1000n + BigInt(Math.round((ms - whole) * 1000));
  return ticks < INFINITE && ticks > -INFINITE ? ticks : undefined;
}
