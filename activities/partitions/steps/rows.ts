import type { PartitionColumn } from '../../../config/definition/partition.js';
import { sha256Of } from '../../../lake/hashing.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';
import type { Columns } from '../../../lake/types.js';
import type { Deps } from '../../deps.js';
import { columnOf } from '../../features/builders/columns.js';
import type { KnownTable } from '../../features/steps/kept-columns.js';
import { Shared } from '../../shared.js';
import { DIGEST_BYTES, listsOf } from '../digests.js';

/** A table's rows by their partition. */
export interface Partitioning {
  names: string[];
  /** Partition of each row. */
  group: Int32Array;
  /** Rows of each partition. */
  rows: number[];
}

/** Tables whose division is kept; one takes 4 bytes a row. */
const MOST_PARTITIONINGS = 8;
/** Digests of partitions that are kept, of about 100 bytes each. */
const MOST_DIGESTS = 100_000;
const FORMATS = { day: '%Y-%m-%d', month: '%Y-%m', year: '%Y' } as const;

/** The name of a row's partition; rows without a value lie in one whose name is empty. */
export const partitionOf = (by: readonly PartitionColumn[]): string =>
  by
    .map(({ column, part }) =>
      part === undefined
        ? `cast(${quoteIdent(column)} as varchar)`
        : `strftime(${quoteIdent(column)}, '${FORMATS[part]}')`,
    )
    .map((text) => `coalesce(${text}, '')`)
    .join(` || ' ' || `);

/** The condition that a row of a table lies in one of these partitions. */
export const inPartitions = (by: readonly PartitionColumn[], names: readonly string[]): string =>
  `${partitionOf(by)} in (${names.map(quoteLiteral).join(', ')})`;

const partitionings = new Shared<Partitioning>(MOST_PARTITIONINGS, () => 1);

/** Partitions in ascending order of their names; rows without a value lie in one whose name is empty, and so do no rows at all. */
export function readPartitioning(
  session: Session,
  { name: table, sha256 }: KnownTable,
  by: readonly PartitionColumn[],
): Promise<Partitioning> {
  return partitionings.get(JSON.stringify([sha256, by]), async () => {
    const read = await session.readColumns(`select ${partitionOf(by)} as name from ${quoteIdent(table)}`);
    const column = columnOf(read, 'name');
    if (column.type !== 'text') throw new TypeError('the name of a partition is a text');
    const names = read.rows === 0 ? [''] : [...column.dictionary].sort();
    const place = new Map(names.map((name, i) => [name, i]));
    const places = column.dictionary.map((name) => place.get(name) ?? 0);
    const group = new Int32Array(new SharedArrayBuffer(read.rows * 4));
    const rows = new Array<number>(names.length).fill(0);
    for (let i = 0; i < read.rows; i++) {
      group[i] = places[column.codes[i]];
      rows[group[i]] += 1;
    }
    return { names, group, rows };
  });
}

const own = new Shared<string[]>(MOST_DIGESTS, (digests) => digests.length);

/** A digest of each partition's own rows, over these columns. The cut-offs of a table divide the same rows: asked once. */
export function ownDigests(
  { pool }: Pick<Deps, 'pool'>,
  session: Session,
  table: KnownTable,
  columns: readonly string[],
  { group, names }: Partitioning,
  by: readonly PartitionColumn[],
  signal: AbortSignal,
): Promise<string[]> {
  return own.get(JSON.stringify([table.sha256, by, columns]), async () => {
    const every = new Int32Array(group.length);
    for (let row = 0; row < every.length; row++) every[row] = row;
    const lists = listsOf(group, every, names.length);
    const digests: { name: string; bytes: Uint8Array }[] = [];
    // One column at a time: the memory of a wide table is that of its widest column.
    for (const name of columns) {
      const read = await session.readColumns(`select ${quoteIdent(name)} from ${quoteIdent(table.name)}`);
      const bytes = await pool.run('digestLists', { column: columnOf(read, name), ...lists }, { signal });
      digests.push({ name, bytes });
    }
    return combined(digests, names.length);
  });
}

/** A digest of each list of rows of a table in memory. */
export async function listDigests(
  { pool }: Pick<Deps, 'pool'>,
  { columns }: Columns,
  pairs: { list: Int32Array; row: Int32Array },
  lists: number,
  signal: AbortSignal,
): Promise<string[]> {
  const byList = listsOf(pairs.list, pairs.row, lists);
  const digests = await Promise.all(
    Object.entries(columns).map(async ([name, column]) => ({
      name,
      bytes: await pool.run('digestLists', { column: column, ...byList }, { signal }),
    })),
  );
  return combined(digests, lists);
}

function combined(digests: readonly { name: string; bytes: Uint8Array }[], lists: number): string[] {
  const hex = digests.map(({ name, bytes }) => ({ name, text: Buffer.from(bytes).toString('hex') }));
  const width = DIGEST_BYTES * 2;
  return Array.from({ length: lists }, (_, list) =>
    sha256Of(hex.map(({ name, text }) => `${name} ${text.slice(list * width, (list + 1) * width)}\n`).join('')),
  );
}
