import type { Ingredients } from '../../lake/reuse.js';
import { quoteLiteral } from '../../lake/sql.js';
import type { Artifact } from '../../lake/types.js';

/** The artifact of a partitioned step that names its partitions. */
export const partsOf = (table: string): string => `parts of ${table}`;

/** Whether an artifact tells how a table was made, and not what it holds. */
export const isParts = (name: string): boolean => name.startsWith(partsOf(''));

/** Column of a table of partitions that says which one a row lies in. */
export const PARTITION = '_partition';

/** The table that a partition's rows lie in, with those of others that were made beside it: their key, and the columns added. */
export interface Part extends Artifact {
  name: string;
  rows: number;
  columns: string[];
  /** Small figures of this partition alone. */
  facts: Record<string, number>;
}

/** What is known of a partitioned step before it is made. */
export interface Ledger {
  /** What all of its partitions go by. */
  base?: Ingredients;
  /** Each with its reuse key. */
  parts: { name: string; rows: number; key: string; kept?: Part }[];
  /** Names of the partitions to be made, by the activity that makes them. */
  chunks: string[][];
}

/** A partition by what decides its table. */
export interface Planned {
  name: string;
  rows: number;
  /** Digests of its own rows, and of those of other tables that can reach them. */
  inputs: Record<string, string>;
}

/** The rows of each partition out of the table that holds them, for a session where table i stands as `part<i>`. */
export function partsSql(parts: readonly Part[]): { tables: Record<string, Part>; select: string } {
  const byTable = new Map<string, Part[]>();
  for (const part of parts) byTable.set(part.uri, [...(byTable.get(part.uri) ?? []), part]);
  const tables: Record<string, Part> = {};
  const selects = [...byTable.values()].map((own, i) => {
    tables[`part${i}`] = own[0];
    return `select * from part${i} where ${PARTITION} in (${own.map(({ name }) => quoteLiteral(name)).join(', ')})`;
  });
  return { tables, select: selects.join(' union all by name ') };
}

/** Tables that the partitions of a step may be scattered over before they are written together. */
const MOST_TABLES = 12;

/** Whether partitions lie in so many small tables that one would serve their readers better. */
export const areScattered = (parts: readonly Pick<Part, 'uri'>[]): boolean =>
  new Set(parts.map(({ uri }) => uri)).size > MOST_TABLES;

/** Chunks of about as many rows as asked for; partitions keep their order. */
export function chunksOf(parts: readonly Pick<Planned, 'name' | 'rows'>[], rows: number): string[][] {
  const chunks: string[][] = [];
  let room = 0;
  for (const part of parts) {
    const last = chunks.at(-1);
    if (last === undefined || room < part.rows) {
      chunks.push([part.name]);
      room = rows - part.rows;
    } else {
      last.push(part.name);
      room -= part.rows;
    }
  }
  return chunks;
}
