import { defineQuery } from '@temporalio/workflow';
import type { Decision, Override, RunSummary, Stage, Trigger } from '../activities/types.js';

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
