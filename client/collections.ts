import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { summaryOf } from '../activities/maintain/summary.js';
import type { CollectSummary } from '../activities/types.js';
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

/** Deletes it, in the pipeline's turn. GR-3005 where that does not come in time. */
export async function collectPipeline(
  client: Client,
  settings: ReadonlyDeep<Settings>,
  pipeline: string,
): Promise<CollectSummary> {
  const request: CollectRequest = { pipeline, retention: await retentionOf(settings, pipeline) };
  return client.workflow
    .execute('collect', {
      taskQueue: TASK_QUEUES.workflows,
      workflowId: `collect:${pipeline}:${randomUUID().slice(0, 8)}`,
      args: [request],
      staticSummary: `collection of ${pipeline}`,
    })
    .catch((error: unknown) => {
      throw failureOf(error);
    }) as Promise<CollectSummary>;
}
