import type { Condemned } from '../lake/condemned.js';
import type { Retention } from '../lake/retention.js';
import type { Artifact, TableRef } from '../lake/types.js';
import type { PublishedMetrics } from './train/evaluate.js';

export const STAGES = ['ingest', 'validate', 'features', 'train', 'score', 'publish'] as const;
export type Stage = (typeof STAGES)[number];

export type Trigger = 'schedule' | 'operator' | 'signal' | 'backfill';
export type Override = string | number | boolean;

/** Hooks that a kernel calls; both are cheap. A cancelled kernel's thread is ended by the pool. */
export interface KernelHooks {
  /** Called at most every few thousand items with the number done so far. */
  onProgress?(done: number): void;
}

/** What the engine recorded about a run when it began; the same for every step and every attempt. */
export interface RunHeader {
  pipeline: string;
  /** Run id of the `refresh` workflow, by which people name the run. */
  run: string;
  /** ISO 8601, UTC. */
  logicalTime: string;
  startedAt: string;
  trigger: Trigger;
  force: boolean;
  /** Of the pipeline's lake, as it was when the run began: see `lake/epoch.ts`. Absent before there is a plan. */
  epoch?: number;
  /** Objects that a step of this run found damaged: whoever counts on them reads them again, on whichever worker. */
  doubted?: string[];
}

/** Asks for the definition as it is now, frozen for the run. */
export interface ResolveInput extends RunHeader {
  only?: Stage[];
  overrides?: Record<string, Override>;
  /** Folder laid out like the inputs, in the place of the home's own. */
  inputs?: string;
  /** Looks only: nothing is written. */
  dry?: boolean;
}

export interface PlanStep {
  /** `<stage>/<name>`, unique in the plan. */
  id: string;
  stage: Stage;
  /** Which workers take it: those near the data, or those with threads for kernels. */
  queue: 'io' | 'compute';
  /** Ids of the steps whose outputs it reads; they stand earlier in the plan. */
  needs: string[];
  /** One line for people, shown on the engine's timeline. */
  summary: string;
  /** Whether it is made in partitions, each an activity's work. */
  partitioned?: boolean;
}

/**
 * What a plan says of a step: it will `run`; its result is there and will be `reuse`d; or it waits for steps that run, and
 * will run itself only where the bytes that they leave for it are other than before.
 */
export type Decision = 'run' | 'reuse' | 'if-changed';

export interface DecidedStep extends PlanStep {
  decision: Decision;
  /** What differs from the last time it ran, in words; empty where it is reused. */
  why: string[];
  /** What it left, where it is reused. */
  result?: StepResult;
  /** Which of its partitions would run, where the plan was asked only to look and could tell. */
  partitions?: { name: string; decision: Decision }[];
}

/** The steps of a run in an order in which each stands behind those it needs. The frozen definition is an artifact. */
export interface Plan {
  definition: Artifact;
  /** Folder that source paths are relative to; absent where the sources are the demo's samples. */
  inputs?: string;
  sample: boolean;
  steps: DecidedStep[];
  /** Set where there is nothing to do: the published snapshot is what a run would publish, or nothing may be published. */
  ended?: 'unchanged' | 'held';
  /** Outputs go to a place outside the lake too. */
  delivers?: boolean;
  /** Of the pipeline's lake; what the run writes, it writes in this one. */
  epoch: number;
  /** How many activities of a partitioned step may be under way at a time. */
  window: number;
  /** How long a silent worker is waited for, in milliseconds. */
  heartbeatTimeout: number;
  /** Intervals in milliseconds. */
  retry: { maximumAttempts: number; initialInterval: number; backoffCoefficient: number; maximumInterval: number };
}

export interface StepInput {
  header: RunHeader;
  definition: Artifact;
  inputs?: string;
  step: Pick<PlanStep, 'id' | 'stage'>;
  /** Outputs of the steps that this one needs. */
  tables: Record<string, TableRef>;
  artifacts: Record<string, Artifact>;
}

/** How a partitioned step is to be made: as chunks of partitions that have no kept result, then all put together. */
export interface Split {
  /** The whole step, where it is kept or there was so little to make that it is made. */
  kept?: StepResult;
  /** What is known of each partition. */
  ledger: Artifact;
  /** One line for people for each chunk. */
  chunks: string[];
  partitions: { all: number; made: number };
  began: number;
  seconds: number;
}

export interface PartInput extends StepInput {
  ledger: Artifact;
  chunk: number;
}

/** The partitions of a chunk, as an artifact, and how long they took. */
export interface PartsMade {
  parts: Artifact;
  seconds: number;
}

export interface GatherInput extends StepInput {
  ledger: Artifact;
  made: PartsMade[];
}

/** What a step leaves: references by name, counts, nothing bulky. */
export interface StepResult {
  tables: Record<string, TableRef>;
  artifacts: Record<string, Artifact>;
  rowsIn: number;
  rowsOut: number;
  /** Rows that this step put aside; columns source, row, rule, reason. */
  quarantine?: TableRef;
  /** Small facts for the manifest: counts by rule, matched rows, the champion's name. */
  facts: Record<string, number | string | null>;
  /** Digests of what the step read, in ascending order. */
  inputs: string[];
  /** When the attempt that succeeded began and ended, in milliseconds since the epoch. */
  began: number;
  ended: number;
  /** Of work: of partitions that are made side by side the sum. */
  seconds: number;
  attempt: number;
  /** Whether it was made by an earlier run; times and attempt are then those of that run. */
  reused: boolean;
  /** Reuse key; absent for steps that tell of one run. */
  key?: string;
  /** Of a step that was made in partitions: how many there are, and how many of them were made. */
  partitions?: { all: number; made: number };
}

/** A finished step as the manifest tells of it. */
export interface StepRecord extends StepResult {
  id: string;
  stage: Stage;
  /** Why it was not reused, in words. */
  why: string[];
}

export interface PublishInput extends StepInput {
  steps: StepRecord[];
}

/** Outcome of a run whose work succeeded; failures and cancellations end as failures of the workflow. */
export type Outcome = 'published' | 'unchanged' | 'superseded' | 'held' | 'archived';

export interface OutputSummary {
  name: string;
  uri: string;
  /** Null for what is no table. */
  rows: number | null;
  sha256: string;
}

export interface StageSummary {
  seconds: number;
  steps: number;
  reused: number;
  rowsIn: number;
  rowsOut: number;
}

/** What a run left, as `georefresh refresh --json` prints it. */
export interface RunSummary {
  pipeline: string;
  run: string;
  outcome: Outcome | 'failed' | 'cancelled';
  seconds: number;
  stages: Partial<Record<Stage, StageSummary>>;
  /** The content of metrics.json; null where the pipeline trains no model. */
  metrics: PublishedMetrics | null;
  model: { version: string; sha256: string } | null;
  outputs: OutputSummary[];
  trigger: Trigger;
  sample: boolean;
  quarantined: number;
  /** Generation of the pointer after the run, where it moved. */
  generation: number | null;
}

/** Asks for a collection of a pipeline's lake. All that decides it is in here, so that each attempt decides alike. */
export interface CollectInput {
  pipeline: string;
  /** Names the collection: the run id of its workflow. */
  id: string;
  /** ISO 8601; ages are counted to it. */
  startedAt: string;
  retention: Retention;
}

/** What stays after a collection, and what went, by kind. */
export interface CollectSummary {
  pipeline: string;
  /** The oldest generation that stays, and the current one; 0 where nothing was published. */
  floor: number;
  generation: number;
  snapshots: number;
  /** Results of steps that stay for reuse. They are written down anew, so their old notes are among what goes. */
  results: number;
  /** Files of snapshots, objects of the lake, results of steps, manifests of runs, notes. */
  gone: Partial<Record<Condemned['kind'], { count: number; bytes: number }>>;
}

/** Logical times to be backfilled: see `timesOf`. */
export interface BackfillRange {
  pipeline: string;
  /** ISO 8601; both ends are part of it. */
  from: string;
  to: string;
  every: string;
  /** Only those behind this one. */
  after?: string;
  /** Also those that runs have finished. */
  force?: boolean;
}

export interface BackfillPage {
  /** Times of the whole range. */
  all: number;
  times: string[];
  /** Finished before, and passed over on the way to these. */
  skipped: number;
  /** Where the next page begins; null where there is none. */
  after: string | null;
}

/** An output as it is in the database: a table of so many rows. */
export interface DeliveredTable {
  output: string;
  table: string;
  rows: number;
}

/** Asks that what is published be brought to the database that outputs of the pipeline are to go to. */
export interface DeliverInput {
  pipeline: string;
  /** Forgets what the database knows of earlier generations: for a lake that was begun anew and counts from 1. */
  anew?: boolean;
}

/**
 * - `delivered`: the published generation is there now. - `stands`: it was there before. - `newer`: the database has one of a
 * higher number, or of another lake, which stays. - `nothing`: no output is to go there, or nothing was published yet.
 */
export interface DeliverSummary {
  pipeline: string;
  state: 'delivered' | 'stands' | 'newer' | 'nothing';
  /** The published one; null where nothing was. */
  generation: number | null;
  /** The one that the database has. */
  there: number | null;
  tables: DeliveredTable[];
}

export interface ConcludeInput {
  header: RunHeader;
  plan?: Plan;
  steps: StepRecord[];
  outcome: 'unchanged' | 'held' | 'failed' | 'cancelled';
  error?: { code: string; message: string };
}
