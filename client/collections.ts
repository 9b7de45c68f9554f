import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { summaryOf } from '../activities/maintain/summary.js';
import type { CollectSummary } from '../activities/types.js';
import { TASK_QUEUES } from '../config/queues.js';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { planCollection } from '../lake/collect.js';
import type { Retention } from '../lake/retention.js';
import type { ObjectStore } from '../lake/types.js';
import type { CollectRequest } from '../workflows/messages.js';
import { failureOf } from './failure.js';

type Kept = ReadonlyDeep<Pick<Settings, 'retention'>>;

const retentionOf = ({ retention: { results, ...rest } }: Kept): Retention => ({ ...rest, results: { age: results } });

/** What a collection would delete now. Only reads, needs no engine. */
export async function plannedCollection(store: ObjectStore, settings: Kept, pipeline: string): Promise<CollectSummary> {
  const input = { lake: { store }, pipeline, retention: retentionOf(settings), now: Date.now() };
  return summaryOf(pipeline, await planCollection(input));
}

/** Deletes it, in the pipeline's turn. GR-3005 where that does not come in time. */
export async function collectPipeline(client: Client, settings: Kept, pipeline: string): Promise<CollectSummary> {
  const request: CollectRequest = { pipeline, retention: retentionOf(settings) };
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
