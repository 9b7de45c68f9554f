import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { summaryOf } from '../activities/maintain/summary.js';
import type { CollectSummary } from '../activities/types.js';
import { codeOf, GeorefreshError } from '../config/errors.js';
import { loadPipeline } from '../config/load.js';
import { TASK_QUEUES } from '../config/queues.js';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { planCollection } from '../lake/collect.js';
import type { Retention } from '../lake/retention.js';
import type { ObjectStore } from '../lake/types.js';
import type { CollectRequest } from '../workflows/messages.js';
import { failureOf } from './failure.js';

const DAY_MS = 86_400_000;

/** What the definition of a pipeline keeps. */
async function retentionOf(settings: ReadonlyDeep<Settings>, pipeline: string): Promise<Retention> {
  const { retention } = (await loadPipeline(pipeline, settings)).pipeline;
  const { snapshots, days, layers, runs, resultDays } = retention;
  const age = days * DAY_MS;
  return {
    snapshots: { count: snapshots, age },
    ...(layers && { layers }),
    runs: { count: runs, age },
    results: { age: resultDays * DAY_MS },
  };
}

/** What a collection would delete now. Only reads, needs no engine. */
export async function plannedCollection(
  store: ObjectStore,
  settings: ReadonlyDeep<Settings>,
  pipeline: string,
): Promise<CollectSummary> {
  const retention = await retentionOf(settings, pipeline);
  return summaryOf(pipeline, await planCollection({ lake: { store }, pipeline, retention, now: Date.now() }));
}

/** How long a collection that is cancelled may take to end before it is left to the engine. */
const LETS_GO_MS = 10_000;

/**
 * Deletes it, in the pipeline's turn. GR-3005 where that does not come in time. An abort of `signal` cancels it: GR-3006
 * when it has ended, or 10 s later. What it had not deleted by then goes with the next one.
 */
export async function collectPipeline(
  client: Client,
  settings: ReadonlyDeep<Settings>,
  pipeline: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<CollectSummary> {
  const request: CollectRequest = { pipeline, retention: await retentionOf(settings, pipeline) };
  signal?.throwIfAborted();
  const handle = await client.workflow.start('collect', {
    taskQueue: TASK_QUEUES.workflows,
    workflowId: `collect:${pipeline}:${randomUUID().slice(0, 8)}`,
    args: [request],
    staticSummary: `collection of ${pipeline}`,
  });
  const over = new AbortController();
  try {
    return await Promise.race([
      handle.result() as Promise<CollectSummary>,
      ...(signal === undefined ? [] : [stopped(handle, signal, over.signal)]),
    ]);
  } catch (error) {
    const failure = failureOf(error);
    if (codeOf(failure) !== 'GR-3006') throw failure;
    throw new GeorefreshError('GR-3006', `what is left of ${pipeline} to be deleted goes with its next collection`, {
      cause: error,
    });
  } finally {
    over.abort();
  }
}

/** Cancels a collection when `signal` says so; rejects where it has not ended some seconds later. */
async function stopped(handle: WorkflowHandle, signal: AbortSignal, over: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort', { signal: over });
  await handle.cancel();
  await sleep(LETS_GO_MS, undefined, { signal: over });
  throw new GeorefreshError('GR-3006', 'it was asked to end and has not yet');
}
