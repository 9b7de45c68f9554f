import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Client,
  isGrpcServiceError,
  ServiceError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { StepProgress } from '../activities/durable.js';
import type { RunSummary } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { GeorefreshError } from '../config/errors.js';
import { TASK_QUEUES } from '../config/queues.js';
import { type Progress, progressQuery, type RefreshInput, runWorkflowId, waitingQuery } from '../workflows/messages.js';
import { failureOf } from './failure.js';

/** A step under way, with what its worker last said of it. */
export interface RunningStep {
  id: string;
  attempt: number;
  progress?: StepProgress;
  /** Why the attempt before this one failed. */
  lastFailure?: string;
}

export interface RunProgress extends Progress {
  running: RunningStep[];
  /** Whether the refresh still waits for another run of its pipeline to end. */
  waiting: boolean;
}

/** A refresh that was started, here or elsewhere. */
export interface Refresh {
  workflowId: string;
  /** Run id by which people name it. */
  run: string;
  pipeline: string;
  /** ISO 8601, as the engine recorded it. */
  startedAt: string;
  /** How far it is: the workflow's own count with the heartbeats of its steps. Undefined while no worker answers. */
  progress(): Promise<RunProgress | undefined>;
  /**
   * Waits for its end. Rejects with the error that ended it, GR-3006 where it was cancelled. An abort of `signal` ends the
   * waiting, not the run.
   */
  result(options?: { signal?: AbortSignal }): Promise<RunSummary>;
  /** Asks it to stop; `result` tells when it has. */
  cancel(): Promise<void>;
}

const refreshWorkflowId = (pipeline: string): string => `refresh:${pipeline}:${randomUUID().slice(0, 8)}`;

/** How long an engine that is being restarted is waited for. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 500;
/** Status codes of gRPC that a restart of the engine causes. */
const PASSING = new Set([4 /* DEADLINE_EXCEEDED */, 13 /* INTERNAL */, 14 /* UNAVAILABLE */]);

/** Repeats a harmless call while the engine does not answer, at most a minute; then GR-5001. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  let failingSince: number | undefined;
  for (;;) {
    const asked = performance.now();
    try {
      return await call();
    } catch (error) {
      const now = performance.now();
      // A call that lasted (the wait for a result) had an engine until just now: patience begins anew.
      if (failingSince === undefined || now - asked > PATIENCE_MS) failingSince = now;
      const status = error instanceof ServiceError ? error.cause : error;
      const passing = isGrpcServiceError(status) && PASSING.has(status.code);
      if (!passing || now - failingSince > PATIENCE_MS) throw failureOf(error);
      await sleep(RETRY_MS);
    }
  }
}

/**
 * A call that ends when `signal` aborts. The SDK hears an abort only while a call is under way: one that is begun after
 * it would be tried again when its connection is closed already, which ends the process.
 */
export async function untilAborted<T>(
  client: Client,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return call();
  signal.throwIfAborted();
  return client.withAbortSignal(signal, call);
}

/** Starts a refresh and returns as soon as the engine has written it down. */
export async function startRefresh(client: Client, request: RefreshInput): Promise<Refresh> {
  const workflowId = refreshWorkflowId(request.pipeline);
  const run = await patiently(async () => {
    try {
      const handle = await client.workflow.start('refresh', {
        taskQueue: TASK_QUEUES.workflows,
        workflowId,
        args: [request],
        typedSearchAttributes: [{ key: ATTRIBUTES.pipeline, value: request.pipeline }],
        staticSummary: `refresh of ${request.pipeline}`,
      });
      return handle.firstExecutionRunId;
    } catch (error) {
      // The id is ours alone: the start before this one arrived, and only its answer was lost.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      return (await client.workflow.getHandle(workflowId).describe()).runId;
    }
  });
  return refreshOf(client, { workflowId, runId: run, startTime: new Date() }, request.pipeline);
}

const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The refresh with a run id, or a unique beginning of one; GR-4002 where the engine knows none. */
export async function findRefresh(client: Client, prefix: string): Promise<Refresh> {
  if (!/^[0-9a-f-]{4,36}$/.test(prefix)) throw new GeorefreshError('GR-4002', `${prefix} is not a run id`);
  const query = RUN_ID.test(prefix) ? `WorkflowType = "refresh" AND RunId = "${prefix}"` : 'WorkflowType = "refresh"';
  const found = (await listRefreshes(client, query)).filter(({ run }) => run.startsWith(prefix));
  const [only, ...others] = found;
  if (only === undefined) throw new GeorefreshError('GR-4002', prefix);
  if (others.length > 0)
    throw new GeorefreshError('GR-4002', `${prefix} begins the ids of ${found.length} runs; give more of it`);
  return only;
}

/** Refreshes that have not ended, of one pipeline or of all. */
export const openRefreshes = (client: Client, pipeline?: string): Promise<Refresh[]> =>
  listRefreshes(
    client,
    `WorkflowType = "refresh" AND ExecutionStatus = "Running"${pipeline === undefined ? '' : ` AND Pipeline = "${pipeline}"`}`,
  );

async function listRefreshes(client: Client, query: string): Promise<Refresh[]> {
  return patiently(async () => {
    const found: Refresh[] = [];
    for await (const listed of client.workflow.list({ query }))
      found.push(refreshOf(client, listed, listed.typedSearchAttributes.get(ATTRIBUTES.pipeline) ?? ''));
    return found;
  });
}

interface Listed {
  workflowId: string;
  runId: string;
  startTime: Date;
}

function refreshOf(client: Client, { workflowId, runId, startTime }: Listed, pipeline: string): Refresh {
  const handle = client.workflow.getHandle(workflowId, runId);
  return {
    workflowId,
    run: runId,
    pipeline,
    startedAt: startTime.toISOString(),
    progress: () => progressOf(client, handle, pipeline, runId),
    result: ({ signal } = {}) =>
      patiently(() => {
        const wait = async (): Promise<RunSummary> => (await handle.result()) as RunSummary;
        // The SDK adds a listener with each call and removes none, so a signal that outlives the refresh would keep them.
        return untilAborted(client, signal, wait);
      }),
    async cancel() {
      await patiently(() => handle.cancel());
    },
  };
}

/** Queries answer only while a worker is up; nothing here waits longer for one than this. */
const QUERY_DEADLINE_MS = 2_000;

async function progressOf(
  client: Client,
  handle: WorkflowHandle,
  pipeline: string,
  run: string,
): Promise<RunProgress | undefined> {
  try {
    return await client.withDeadline(Date.now() + QUERY_DEADLINE_MS, async () => {
      const { childRun } = await handle.query(waitingQuery);
      if (childRun === undefined) return { pipeline, run, logicalTime: '', stages: [], running: [], waiting: true };
      const child = client.workflow.getHandle(runWorkflowId(pipeline), childRun);
      const [progress, description] = await Promise.all([child.query(progressQuery), child.describe()]);
      const running = (description.raw.pendingActivities ?? []).map((pending): RunningStep => {
        const beat = pending.heartbeatDetails?.payloads?.[0]?.data;
        const lastFailure = pending.lastFailure?.message;
        return {
          id: pending.activityId ?? '',
          attempt: pending.attempt ?? 1,
          ...progressFrom(beat),
          ...(lastFailure && { lastFailure }),
        };
      });
      return { ...progress, running, waiting: false };
    });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new GeorefreshError('GR-4002', run, { cause: error });
    return undefined;
  }
}

/** What a step said of itself with its last heartbeat; the first ones say nothing yet. */
function progressFrom(beat: Uint8Array | null | undefined): { progress?: StepProgress } {
  if (!beat || beat.length === 0) return {};
  const said = JSON.parse(Buffer.from(beat).toString('utf8')) as StepProgress | null;
  return said === null ? {} : { progress: said };
}
