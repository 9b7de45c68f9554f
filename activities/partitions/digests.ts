import { createHash } from 'node:crypto';
import type { Column } from '../../lake/types.js';

export interface DigestInput {
  /** A column of the rows that the lists name. */
  column: Column;
  /** First entry of each list in `rows`, and one past the last of all: lists + 1 entries. */
  start: Int32Array;
  rows: Int32Array;
}

/** Bytes of a digest. */
export const DIGEST_BYTES = 32;

/**
 * SHA-256 of the column's values in each list of rows, one after the other: equal digests mean equal values in equal order,
 * whatever other rows the table has. Missing values count.
 */
export function digestLists({ column, start, rows }: DigestInput): Uint8Array {
  const lists = start.length - 1;
  const out = new Uint8Array(lists * DIGEST_BYTES);
  for (let list = 0; list < lists; list++) {
    const own = rows.subarray(start[list], start[list + 1]);
    const hash = createHash('sha256').update(`${column.type} ${own.length}\n`);
    hash.update(column.type === 'text' ? textOf(column.codes, column.dictionary, own) : bytesOf(column.values, own));
    out.set(hash.digest(), list * DIGEST_BYTES);
  }
  return out;
}

/** Each value with its length in front, so that no two lists of texts run together to the same bytes. */
function textOf(codes: Int32Array, dictionary: readonly string[], rows: Int32Array): string {
  const parts: string[] = [];
  for (const row of rows) {
    const value = codes[row] < 0 ? undefined : dictionary[codes[row]];
    parts.push(value === undefined ? '-' : `${value.length}:${value}`);
  }
  return parts.join('');
}

function bytesOf(values: Float64Array | Uint8Array, rows: Int32Array): Uint8Array {
  if (values instanceof Uint8Array) return Uint8Array.from(rows, (row) => values[row]);
  const own = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const value = values[rows[i]];
    // There are many bit patterns of NaN, and all mean missing.
    own[i] = Number.isNaN(value) ? Number.NaN : value;
  }
  return new Uint8Array(own.buffer);
}

/** Rows by the list that they are in; each list in ascending order of rows, where `list` and `row` ascend together. */
export function listsOf(list: Int32Array, row: Int32Array, lists: number): { start: Int32Array; rows: Int32Array } {
  const start = new Int32Array(lists + 1);
  for (const l of list) start[l + 1]++;
  for (let l = 0; l < lists; l++) start[l + 1] += start[l];
  const next = start.slice(0, lists);
  const rows = new Int32Array(new SharedArrayBuffer(row.length * 4));
  for (let i = 0; i < row.length; i++) rows[next[list[i]]++] = row[i];
  return { start, rows };
}
