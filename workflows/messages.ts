import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { BackfillRange, Decision, Override, RunSummary, Stage, Trigger } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { TASK_QUEUES } from '../config/queues.js';
import type { Retention } from '../lake/retention.js';

/** What a refresh is asked; everything but `pipeline` has a default. Durations are milliseconds. */
export interface RefreshInput {
  pipeline: string;
  /** Ignores what is known of earlier runs and makes every step again. */
  force?: boolean;
  /** Only these stages, with what they need; nothing is published unless `publish` is among them. */
  only?: Stage[];
  /** Parameters in the place of the definition's, checked against their types. */
  overrides?: Record<string, Override>;
  /** Folder laid out like the inputs, in the place of the home's own. */
  inputs?: string;
  /** ISO 8601; default: the schedule's time, or else the start of the refresh. */
  logicalTime?: string;
  /** How long to wait for another run of the pipeline to end. Default 15 minutes. */
  waitAtMost?: number;
  trigger?: Trigger;
}

/** The one child of a refresh; its fixed workflow id `run:<pipeline>` is the pipeline's lock. */
export interface RunInput {
  request: RefreshInput;
  /** Run id of the refresh. */
  run: string;
  logicalTime: string;
  startedAt: string;
  trigger: Trigger;
}

/** Asks for runs for the logical times of a range. */
export interface BackfillInput extends BackfillRange {
  inputs?: string;
  /** Carried from one page to the next. */
  progress?: BackfillProgress;
}

export interface BackfillProgress {
  pipeline: string;
  from: string;
  to: string;
  every: string;
  /** Times of the range; of these were finished before, are done now, and failed. */
  all: number;
  skipped: number;
  done: number;
  failures: number;
  /** The first of those that failed. */
  failed: { logicalTime: string; code: string; message: string }[];
  /** The time under way. */
  now: string | null;
}

export const backfillQuery = defineQuery<BackfillProgress>('backfill');
export const backfillWorkflowId = (pipeline: string): string => `backfill:${pipeline}`;
/** Runs of backfills exclude each other, and no other run. */
export const backfillRunId = (pipeline: string): string => `run:${pipeline}:backfill`;

export type RefreshResult = RunSummary;

export interface PlannedStep {
  id: string;
  stage: Stage;
  summary: string;
  decision: Decision;
  /** What differs from the last time it ran, in words. */
  why: string[];
  /** Of a partitioned step that runs, where what it reads is known already. */
  partitions?: { name: string; decision: Decision }[];
}

/** Asks for a collection of a pipeline's lake; what is kept is part of it. Durations are milliseconds. */
export interface CollectRequest {
  pipeline: string;
  retention: Retention;
  /** How long to wait for a run of the pipeline to end. Default 15 minutes. */
  waitAtMost?: number;
}

/** Asks that what is published be brought to where outputs go beside the lake. */
export interface DeliverRequest {
  pipeline: string;
  /** See `DeliverInput`. */
  anew?: boolean;
}

export const deliverWorkflowId = (pipeline: string): string => `deliver:${pipeline}`;

/** Something was published: a delivery under way looks once more. */
export const publishedSignal = defineSignal('published');

/** How `signalWithStart` of workflow type `deliver` asks for a delivery. */
export const deliverOptions = (request: DeliverRequest) => ({
  workflowId: deliverWorkflowId(request.pipeline),
  taskQueue: TASK_QUEUES.workflows,
  args: [request] as [DeliverRequest],
  signal: publishedSignal,
  signalArgs: [] as [],
  typedSearchAttributes: [{ key: ATTRIBUTES.pipeline, value: request.pipeline }],
  staticSummary: `delivery of ${request.pipeline}`,
});

/** What a refresh would do. */
export interface PlanView {
  pipeline: string;
  logicalTime: string;
  sample: boolean;
  /** Set where nothing would be done. */
  ended?: 'unchanged' | 'held';
  steps: PlannedStep[];
}

export interface StageProgress {
  stage: Stage;
  steps: number;
  done: number;
  /** Of those done: made by an earlier run. */
  reused: number;
  running: string[];
  rowsIn: number;
  rowsOut: number;
  quarantined: number;
  /** Of its partitioned steps, as far as they have been divided. */
  partitions?: { all: number; done: number };
}

export interface Progress {
  pipeline: string;
  run: string;
  logicalTime: string;
  /** Empty until the definition is resolved. */
  stages: StageProgress[];
}

export const progressQuery = defineQuery<Progress>('progress');

export interface Waiting {
  /** Run id of the child while it works; undefined while the refresh waits for its turn. */
  childRun?: string;
}

export const waitingQuery = defineQuery<Waiting>('waiting');

export const runWorkflowId = (pipeline: string): string => `run:${pipeline}`;

/** How signals become refreshes, in milliseconds. */
export interface SignalPacing {
  /** A refresh starts when no signal came for so long, */
  quiet: number;
  /** or when the first one has waited for so long. */
  longestWait: number;
  /** Without a signal for so long the workflow ends; the next signal starts it again. */
  idle: number;
}

/** Signals that wait; carried from one run of the workflow to the next. */
export interface InboxState {
  /** Fingerprints of late, oldest first. */
  seen: string[];
  waiting: number;
  /** Of those that wait, in milliseconds since the epoch. */
  firstAt: number;
  lastAt: number;
}

/** The workflow that turns signals of one pipeline into refreshes; everything but `pipeline` has a default. */
export interface PipelineInput extends Partial<SignalPacing> {
  pipeline: string;
  /** Continues as new from so many events on. */
  mostEvents?: number;
  inbox?: InboxState;
}

/**
 * News of data, without any of it: the refresh reads the sources itself. `fingerprint` names the event: the same one again
 * is dropped. It is no digest of the data, since those may change back.
 */
export interface NewData {
  fingerprint?: string;
}

export const newDataSignal = defineSignal<[NewData]>('newData');
export const inboxQuery = defineQuery<InboxState>('inbox');

export const pipelineWorkflowId = (pipeline: string): string => `pipeline:${pipeline}`;
export const refreshBySignalId = (pipeline: string): string => `refresh:${pipeline}:by-signal`;

/** How `signalWithStart` of workflow type `pipeline` tells of new data; the pacing counts where the signal starts it. */
export const newDataOptions = (pipeline: string, pacing: SignalPacing, news: NewData) => ({
  workflowId: pipelineWorkflowId(pipeline),
  taskQueue: TASK_QUEUES.workflows,
  args: [{ pipeline, ...pacing }] as [PipelineInput],
  signal: newDataSignal,
  signalArgs: [news] as [NewData],
  typedSearchAttributes: [{ key: ATTRIBUTES.pipeline, value: pipeline }],
  staticSummary: `signals for ${pipeline}`,
});
