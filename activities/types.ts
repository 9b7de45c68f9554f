import type { Artifact, TableRef } from '../lake/types.js';

export const STAGES = ['ingest', 'validate', 'features', 'train', 'score', 'publish'] as const;
export type Stage = (typeof STAGES)[number];

/** Hooks that a kernel calls; both are cheap. A cancelled kernel's thread is ended by the pool. */
export interface KernelHooks {
  /** Called at most every few thousand items with the number done so far. */
  onProgress?(done: number): void;
}

/** What a step leaves: references by name, counts, nothing bulky. */
export interface StepResult {
  tables: Record<string, TableRef>;
  artifacts: Record<string, Artifact>;
  rowsIn: number;
  rowsOut: number;
  /** Rows that this step put aside; the table has columns source, row, rule, reason, raw. */
  quarantine?: TableRef;
  /** Small numbers for the manifest: counts by rule, matched rows, metrics. */
  facts: Record<string, number | string | null>;
}
