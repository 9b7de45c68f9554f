import type { DuckDBAppender, DuckDBType } from '@duckdb/node-api';
import { BIGINT, BOOLEAN, DOUBLE, DuckDBDataChunk, TIMESTAMP, VARCHAR } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { GeorefreshError } from '../config/errors.js';
import type { Column, Columns } from './types.js';

/** Rows of one DuckDB vector. */
const VECTOR_ROWS = 2048;

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
  const texts = columns.map(([, column]) =>
    column.type === 'text' ? column.dictionary.map((text) => Buffer.from(text, 'utf8')) : [],
  );
  for (let at = 0, vectors = 0; at < table.rows; at += VECTOR_ROWS, vectors++) {
    const rows = Math.min(VECTOR_ROWS, table.rows - at);
    const chunk = DuckDBDataChunk.create(types, rows);
    for (let k = 0; k < columns.length; k++) {
      writeVector(columns[k][0], duckdb.data_chunk_get_vector(chunk.chunk, k), columns[k][1], texts[k], at, rows);
    }
    appender.appendDataChunk(chunk);
    if (vectors % 16 === 15) {
      await new Promise<void>((resume) => setImmediate(resume));
      signal?.throwIfAborted();
    }
  }
}

function checkLength(name: string, column: Column, rows: number): void {
  const length = column.type === 'text' ? column.codes.length : column.values.length;
  if (length !== rows)
    throw new GeorefreshError('GR-2106', `column ${name} has ${length} values, the table ${rows} rows`);
}

function writeVector(
  name: string,
  vector: duckdb.Vector,
  column: Column,
  texts: Buffer[],
  from: number,
  rows: number,
): void {
  const validity = new Uint8Array(Math.ceil(rows / 64) * 8).fill(255);
  let missing = false;
  const miss = (row: number): void => {
    validity[row >> 3] &= ~(1 << (row & 7));
    missing = true;
  };
  if (column.type === 'text') {
    for (let row = 0; row < rows; row++) {
      const code = column.codes[from + row];
      if (code < 0) miss(row);
      else duckdb.vector_assign_string_element_len(vector, row, textAt(name, texts, code));
    }
  } else {
    const data = wireOf(name, column, from, rows, miss);
    duckdb.copy_data_to_vector(vector, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }
  if (!missing) return;
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer, 0, validity.byteLength);
}

function textAt(name: string, texts: Buffer[], code: number): Buffer {
  const text = texts[code];
  if (text === undefined)
    throw new GeorefreshError('GR-2106', `column ${name} has code ${code}, its dictionary ${texts.length} texts`);
  return text;
}

/** Values as DuckDB lays them out: doubles, int64, microseconds, bytes. */
function wireOf(
  name: string,
  column: Exclude<Column, { type: 'text' }>,
  from: number,
  rows: number,
  miss: (row: number) => void,
): Float64Array | BigInt64Array | Uint8Array {
  const values = column.values.slice(from, from + rows);
  if (column.type === 'boolean') {
    for (let row = 0; row < rows; row++) {
      if (values[row] !== 255) continue;
      values[row] = 0;
      miss(row);
    }
    return values as Uint8Array;
  }
  const wire = column.type === 'double' ? undefined : new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    const value = values[row];
    if (Number.isNaN(value)) miss(row);
    else if (wire !== undefined) {
      const tick =
        column.type === 'timestamp' ? microseconds(value) : Number.isSafeInteger(value) ? BigInt(value) : undefined;
      if (tick === undefined)
        throw new GeorefreshError('GR-2106', `column ${name} (${column.type}) holds ${value} at row ${from + row}`);
      wire[row] = tick;
    }
  }
  return wire ?? (values as Float64Array);
}

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
