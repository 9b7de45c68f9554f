import { createHash } from 'node:crypto';
import type { PartitionColumn } from '../../../config/definition/partition.js';
import { sha256Of } from '../../../lake/hashing.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';
import type { Columns } from '../../../lake/types.js';
import type { Deps } from '../../deps.js';
import { columnOf, valuesOf } from '../../features/builders/columns.js';
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
    for (let i = 0; i < read.rows; i++) group[i] = places[column.codes[i]];
    return { names, group };
  });
}

/** A partition of a table by itself. */
export interface Own {
  name: string;
  rows: number;
  /** Says what its rows hold, whatever their order: see `sumsOf`. */
  digest: string;
}

const own = new Shared<Own[]>(MOST_DIGESTS, (partitions) => partitions.length);

/**
 * The partitions of a table in ascending order of their names, each with a digest of these columns of its rows; no rows at
 * all are one partition with an empty name. The cut-offs of a table divide the same rows: asked once.
 */
export function ownPartitions(
  session: Session,
  { name: table, sha256 }: KnownTable,
  columns: readonly string[],
  by: readonly PartitionColumn[],
): Promise<Own[]> {
  return own.get(JSON.stringify([sha256, by, columns]), async () => {
    const select = `select ${columns.map(quoteIdent).join(', ')} from ${quoteIdent(table)}`;
    const types = await session.describe(select);
    const read = await session.readColumns(
      `select ${partitionOf(by)} as name, count(*) as n, ${sumsOf(types)} as sums from ${quoteIdent(table)} group by 1`,
    );
    const [names, counts, sums] = ['name', 'n', 'sums'].map((name) => valuesOf(columnOf(read, name)));
    const about = JSON.stringify(types);
    const parts = Array.from({ length: read.rows }, (_, i): Own => {
      const rows = Number(counts?.[i]);
      return { name: String(names?.[i]), rows, digest: sha256Of(`${about} ${rows} ${String(sums?.[i])}`) };
    });
    if (parts.length === 0) return [{ name: '', rows: 0, digest: sha256Of(about) }];
    return parts.sort((a, b) => (a.name < b.name ? -1 : 1));
  });
}

const FLOATS = ['DOUBLE', 'FLOAT'];

/**
 * SQL text of what a group of rows is known by: two exact sums of 64-bit hashes of rows, which go over the columns from both
 * ends. The second takes texts by their MD5, so that no two texts look alike to both. The engine hashes zero and minus zero
 * alike, so the signs of floats are hashed, too. Hashing in the engine takes a tenth of what SHA-256 over values brought
 * out of it does. Rows that changed are taken for the old ones once in about 2^120 times (ADR 0030).
 */
function sumsOf(types: readonly { name: string; type: string }[]): string {
  const names = types.map(({ name }) => quoteIdent(name));
  const signs = types.flatMap(({ name, type }) => (FLOATS.includes(type) ? [`signbit(${quoteIdent(name)})`] : []));
  const other = types.map(({ name, type }) =>
    type === 'VARCHAR' ? `md5_number(${quoteIdent(name)})` : quoteIdent(name),
  );
  // The outer hash spreads what the engine joins column by column.
  const sum = (of: string[]): string => `cast(sum(hash(hash(${of.join(', ')}))) as varchar)`;
  return `${sum([...names, ...signs])} || ' ' || ${sum([...other.reverse(), ...signs])}`;
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
