import { createHash } from 'node:crypto';
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
import type { Neighbours, Pairs } from '../neighbours.js';

/** A table's rows by their partition. */
export interface Partitioning {
  names: string[];
  /** Partition of each row. */
  group: Int32Array;
}

/** Tables whose division is kept; one takes 4 bytes a row. */
const MOST_PARTITIONINGS = 8;
/** Digests of partitions that are kept, of about 100 bytes each. */
export const MOST_DIGESTS = 100_000;
const FORMATS = { day: '%Y-%m-%d', month: '%Y-%m', year: '%Y' } as const;

/** Values of a column of a partition, as texts. */
export const textOf = (value: string, part: PartitionColumn['part']): string =>
  `coalesce(${part === undefined ? `cast(${value} as varchar)` : `strftime(${value}, '${FORMATS[part]}')`}, '')`;

/** The name of a row's partition; rows without a value lie in one whose name is empty. */
export const partitionOf = (by: readonly PartitionColumn[]): string =>
  by.map(({ column, part }) => textOf(quoteIdent(column), part)).join(` || ' ' || `);

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
    for (let i = 0; i < read.rows; i++) group[i] = places[column.codes[i]];
    return { names, group };
  });
}

const near = new Shared<string[]>(MOST_DIGESTS, (digests) => digests.length);

/**
 * A digest of the rows that can reach each partition. `asked` says by what they are found, the divided table among it; with
 * the same rows to look among, which a cut-off may see unchanged where the table has changed, the answer is the same.
 */
export const nearDigests = (
  deps: Pick<Deps, 'pool'>,
  { table, pairs }: Neighbours,
  asked: unknown,
  lists: number,
  signal: AbortSignal,
): Promise<string[]> =>
  near.get(JSON.stringify([asked, lists, contentOf(table)]), async () =>
    listDigests(deps, table, await pairs(), lists, signal),
  );

/** Digest of a table in memory. Texts that were read in another order may give another one. */
function contentOf({ rows, columns }: Columns): string {
  const hash = createHash('sha256').update(String(rows));
  for (const [name, column] of Object.entries(columns)) {
    const { buffer, byteOffset, byteLength } = column.type === 'text' ? column.codes : column.values;
    hash.update(JSON.stringify([name, column.type, column.type === 'text' ? column.dictionary : []]));
    hash.update(Buffer.from(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** A digest of each list of rows of a table in memory. */
async function listDigests(
  { pool }: Pick<Deps, 'pool'>,
  { columns }: Columns,
  pairs: Pairs,
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
