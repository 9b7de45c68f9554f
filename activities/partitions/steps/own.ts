import type { PartitionColumn } from '../../../config/definition/partition.js';
import { sha256Of } from '../../../lake/hashing.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent } from '../../../lake/sql.js';
import { columnOf, valuesOf } from '../../features/builders/columns.js';
import type { KnownTable } from '../../features/steps/kept-columns.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { tableTasks } from '../../resolve/plan.js';
import { Shared } from '../../shared.js';
import { MOST_DIGESTS, textOf } from './rows.js';

/** A partition of a table by itself. */
export interface Own {
  name: string;
  rows: number;
  /** Says what its rows hold, whatever their order. */
  digest: string;
}

/** What the rows of each partition add up to. */
interface Sums {
  /** Digest of the names and types of the columns. */
  about: string;
  parts: { texts: string[]; rows: number; sums: bigint[] }[];
}

const sums = new Shared<Sums>(MOST_DIGESTS, ({ parts }) => parts.length);

/**
 * The partitions of a table in ascending order of their names, each with a digest of these columns of its rows; no rows at
 * all are one partition with an empty name. Digests of several partitions add up to that of all their rows: where other
 * steps divide the same table more finely, by `finer`, its rows are read once for all of them.
 */
export async function ownPartitions(
  session: Session,
  table: KnownTable,
  columns: readonly string[],
  by: readonly PartitionColumn[],
  finer = by,
): Promise<Own[]> {
  const key = JSON.stringify([table.sha256, finer, columns]);
  const { about, parts } = await sums.get(key, () => readSums(session, table, columns, finer));
  const places = by.map((one) => finer.findIndex((other) => isSame(one, other)));
  const found = new Map<string, { rows: number; sums: bigint[] }>();
  if (parts.length === 0) found.set('', { rows: 0, sums: [] });
  for (const { texts, rows, sums } of parts) {
    const name = places.map((place) => texts[place]).join(' ');
    const sofar = found.get(name) ?? { rows: 0, sums: [0n, 0n] };
    found.set(name, { rows: sofar.rows + rows, sums: sofar.sums.map((sum, i) => sum + (sums[i] ?? 0n)) });
  }
  return [...found]
    .map(([name, { rows, sums }]) => ({ name, rows, digest: `${about} ${rows} ${sums.join(' ')}` }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The finest division of a table by these columns, and others, that a step of a definition makes. */
export const finestOf = (
  definition: FrozenDefinition,
  from: string,
  by: readonly PartitionColumn[],
): readonly PartitionColumn[] =>
  tableTasks(definition)
    .flatMap(({ table }) => (table.from === from && table.partition !== undefined ? [table.partition] : []))
    .filter((other) => by.every((one) => other.some((column) => isSame(one, column))))
    .reduce<readonly PartitionColumn[]>((finest, other) => (other.length > finest.length ? other : finest), by);

const isSame = (one: PartitionColumn, other: PartitionColumn): boolean =>
  one.column === other.column && one.part === other.part;

async function readSums(
  session: Session,
  { name: table }: KnownTable,
  columns: readonly string[],
  by: readonly PartitionColumn[],
): Promise<Sums> {
  const from = quoteIdent(table);
  const types = await session.describe(`select ${columns.map(quoteIdent).join(', ')} from ${from}`);
  // A text for each row would take as long as hashing it.
  const keys = by.map(({ column, part }, i) => {
    const value = quoteIdent(column);
    return `${part === undefined ? `cast(${value} as varchar)` : `date_trunc('${part}', ${value})`} as k${i}`;
  });
  const texts = by.map(({ part }, i) => `${textOf(`k${i}`, part)} as t${i}`);
  const { rows, columns: read } = await session.readColumns(
    `select ${texts.join(', ')}, n, a, b from
      (select ${keys.join(', ')}, count(*) as n, ${sumsOf(types)} from ${from} group by ${by.map((_, i) => i + 1).join(', ')})`,
  );
  const valuesAt = (name: string): ArrayLike<unknown> => valuesOf(columnOf({ rows, columns: read }, name));
  const [names, counts, a, b] = [by.map((_, i) => valuesAt(`t${i}`)), valuesAt('n'), valuesAt('a'), valuesAt('b')];
  return {
    about: sha256Of(JSON.stringify(types)),
    parts: Array.from({ length: rows }, (_, i) => ({
      texts: names.map((name) => String(name[i])),
      rows: Number(counts[i]),
      sums: [BigInt(String(a[i])), BigInt(String(b[i]))],
    })),
  };
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
  return `${sum([...names, ...signs])} as a, ${sum([...other.reverse(), ...signs])} as b`;
}
