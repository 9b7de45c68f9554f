import { type DuckDBDataChunk, type DuckDBResult, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
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
 * DOUBLE, FLOAT and DECIMAL become `double`, integers of any width `integer` (GR-2106 above 2^53), DATE and TIMESTAMP
 * milliseconds, BOOLEAN, VARCHAR and ENUM as they are. Other types must be cast in the statement: GR-2106.
 */
export async function readResult(result: DuckDBResult, signal?: AbortSignal): Promise<Columns> {
  const names = result.columnNames();
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new GeorefreshError('GR-3010', `two columns have the name ${twice}`);
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
    const reader = readers[k];
    // Vectors are full but for the last one, yet a short one in between may straddle two blocks.
    if (at < BLOCK_ROWS || offset + rows > BLOCK_ROWS || reader.blocks.length * BLOCK_ROWS === at)
      growTo(reader, at, rows);
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

/**
 * Makes room for `more` rows behind `at`. Most results are one short vector, and get a block of its size: whole blocks
 * for each would keep the garbage collector busy.
 */
function growTo(reader: Reader, at: number, more: number): void {
  const { type, blocks } = reader;
  if (at === 0 && more <= VECTOR_ROWS) {
    blocks.push(blockOf(type, more));
    return;
  }
  const [first] = blocks;
  if (first !== undefined && first.length < BLOCK_ROWS) {
    const whole = blockOf(type, BLOCK_ROWS);
    whole.set(first.subarray(0, at));
    blocks[0] = whole;
  }
  while (blocks.length * BLOCK_ROWS < at + more) blocks.push(blockOf(type, BLOCK_ROWS));
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
    all.set(reader.blocks[k].subarray(0, Math.min(BLOCK_ROWS, rows - at)), at);
    // Let go of each block as it is copied: peak memory is one column above the table.
    reader.blocks[k] = new Uint8Array(0);
  }
  if (reader.type === 'text')
    return { type: 'text', codes: all as Int32Array, dictionary: reader.texts?.dictionary ?? [] };
  if (reader.type === 'boolean') return { type: 'boolean', values: all as Uint8Array };
  return { type: reader.type, values: all as Float64Array };
}
