import type { Ingredients } from '../../lake/reuse.js';
import type { Artifact } from '../../lake/types.js';

/** A partition's table: the key of its rows, and the columns that the step adds. */
export interface Part extends Artifact {
  name: string;
  rows: number;
  columns: string[];
  /** Small counts, added up over the partitions. */
  facts: Record<string, number>;
  reused: boolean;
}

/** What is known of a partitioned step before it is made. */
export interface Ledger {
  parts: { name: string; rows: number; ingredients: Ingredients; kept?: Part }[];
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
