import type { Artifact } from '../../lake/types.js';

/** One of the files that a source of several was read from. */
export interface BatchFile extends Artifact {
  /** Path under the inputs. */
  name: string;
  rows: number;
}

/** The files of a source in the order in which they are read; an artifact of its own where there may be several. */
export interface Batch {
  version: 1;
  files: BatchFile[];
}

/** The file that a row of a source stands in, and its number there; both count from 1. */
export function placeOf({ files }: Batch, row: number): { name: string; row: number } | undefined {
  let before = 0;
  for (const { name, rows } of files) {
    if (row <= before + rows) return { name, row: row - before };
    before += rows;
  }
  return undefined;
}

/** The name under which the mended rows of a source go from step to step. */
export const overlayOf = (source: string): string => `overlay:${source}`;
