import type { DuckDBAppender, DuckDBResult, DuckDBType } from '@duckdb/node-api';
import { BIGINT, BOOLEAN, DOUBLE, DuckDBDataChunk, DuckDBTypeId, TIMESTAMP, VARCHAR } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { GeorefreshError } from '../config/errors.js';
import { type Fill, fillOf, type Vector } from './column-vectors.js';
import { TextCodes } from './text-codes.js';
import type { Column, Columns } from './types.js';

/** Rows of one DuckDB vector. */
const VECTOR_ROWS = 2048;
/** Rows gathered in one block before the number of all rows is known. */
const BLOCK_ROWS = 32 * VECTOR_ROWS;

type Block = Float64Array | Uint8Array | Int32Array;

/** One column being read: blocks are filled vector by vector and joined when the last row has come. */
interface Reader {
  name: string;
  type: Column['type'];
  blocks: Block[];
  fill: Fill;
  texts: TextCodes | undefined;
}

/**
 * Reads a streamed result to its end, vector by vector; between vectors the event loop runs, and the next one is
 * fetched while one is copied. Peak memory is the table and one column more.
 *
 * DOUBLE, FLOAT and DECIMAL become `double`, integers of any width `integer` (GR-3009 above 2^53), DATE and TIMESTAMP
 * milliseconds, BOOLEAN, VARCHAR and ENUM as they are. Other types must be cast in the statement: GR-3009.
 */
export async function readResult(result: DuckDBResult, signal?: AbortSignal): Promise<Columns> {
  const names = result.columnNames();
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new GeorefreshError('GR-3008', `two columns have the name ${twice}`);
  const readers = names.map((name, at) => readerOf(name, result.columnType(at)));
  let rows = 0;
  let next = result.fetchChunk();
  try {
    for (;;) {
      const chunk = await next;
      signal?.throwIfAborted();
      if (chunk === null || chunk.rowCount === 0) break;
      next = result.fetchChunk();
      readChunk(readers, chunk, rows);
      // The vectors lie in the chunk's memory: it must outlive the copying, so its count is read last.
      rows += chunk.rowCount;
    }
  } finally {
    // If copying failed, the fetch under way ends on its own, and nobody asks for its outcome.
    next.catch(() => undefined);
  }
  const columns: Record<string, Column> = {};
  for (const reader of readers) columns[reader.name] = joined(reader, rows);
  return { rows, columns };
}

function readChunk(readers: Reader[], chunk: DuckDBDataChunk, at: number): void {
  const rows = chunk.rowCount;
  const offset = at % BLOCK_ROWS;
  for (let k = 0; k < readers.length; k++) {
    const reader = readers[k]!;
    // Vectors are full but for the last one, yet a short one in between may straddle two blocks.
    if (offset + rows > BLOCK_ROWS || rows > VECTOR_ROWS || reader.blocks.length * BLOCK_ROWS === at)
      growTo(reader, at + rows);
    const vector: Vector = { handle: duckdb.data_chunk_get_vector(chunk.chunk, k), rows, name: reader.name };
    if (offset + rows <= BLOCK_ROWS) {
      reader.fill(vector, reader.blocks.at(-1)!, offset);
      continue;
    }
    const whole = blockOf(reader.type, rows);
    reader.fill(vector, whole, 0);
    const here = BLOCK_ROWS - offset;
    reader.blocks.at(-2)!.set(whole.subarray(0, here), offset);
    reader.blocks.at(-1)!.set(whole.subarray(here), 0);
  }
}

function growTo(reader: Reader, rows: number): void {
  while (reader.blocks.length * BLOCK_ROWS < rows) reader.blocks.push(blockOf(reader.type, BLOCK_ROWS));
}

function blockOf(type: Column['type'], rows: number, shared = false): Block {
  const width = type === 'boolean' ? 1 : type === 'text' ? 4 : 8;
  const buffer = shared ? new SharedArrayBuffer(rows * width) : new ArrayBuffer(rows * width);
  if (type === 'boolean') return new Uint8Array(buffer);
  return type === 'text' ? new Int32Array(buffer) : new Float64Array(buffer);
}

function readerOf(name: string, type: DuckDBType): Reader {
  const texts = type.typeId === DuckDBTypeId.VARCHAR || type.typeId === DuckDBTypeId.ENUM ? new TextCodes() : undefined;
  const { type: column, fill } = fillOf(name, type, texts);
  return { name, type: column, blocks: [], fill, texts };
}

function joined(reader: Reader, rows: number): Column {
  const all = blockOf(reader.type, rows, true);
  for (let at = 0, k = 0; at < rows; at += BLOCK_ROWS, k++) {
    all.set(reader.blocks[k]!.subarray(0, Math.min(BLOCK_ROWS, rows - at)), at);
    // Let go of each block as it is copied: peak memory is one column above the table.
    reader.blocks[k] = new Uint8Array(0);
  }
  if (reader.type === 'text')
    return { type: 'text', codes: all as Int32Array, dictionary: reader.texts?.dictionary ?? [] };
  if (reader.type === 'boolean') return { type: 'boolean', values: all as Uint8Array };
  return { type: reader.type, values: all as Float64Array };
}

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
      writeVector(columns[k]![0], duckdb.data_chunk_get_vector(chunk.chunk, k), columns[k]![1], texts[k]!, at, rows);
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
    throw new GeorefreshError('GR-3009', `column ${name} has ${length} values, the table ${rows} rows`);
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
    validity[row >> 3]! &= ~(1 << (row & 7));
    missing = true;
  };
  if (column.type === 'text') {
    for (let row = 0; row < rows; row++) {
      const code = column.codes[from + row]!;
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
    throw new GeorefreshError('GR-3009', `column ${name} has code ${code}, its dictionary ${texts.length} texts`);
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
    const value = values[row]!;
    if (Number.isNaN(value)) miss(row);
    else if (wire !== undefined) {
      const tick =
        column.type === 'timestamp' ? microseconds(value) : Number.isSafeInteger(value) ? BigInt(value) : undefined;
      if (tick === undefined)
        throw new GeorefreshError('GR-3009', `column ${name} (${column.type}) holds ${value} at row ${from + row}`);
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
