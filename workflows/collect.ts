import { proxyActivities, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { CollectInput, CollectSummary } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { collectOptions } from './activity-options.js';
import { rethrow } from './failure.js';
import type { CollectRequest } from './messages.js';
import { startInTurn } from './turn.js';

const { collect: deleteCondemned } = proxyActivities<Activities>({ ...collectOptions, activityId: 'collect' });

const FIFTEEN_MINUTES = 15 * 60_000;

/** Collects the lake of a pipeline in its turn: no run of it is under way meanwhile. */
export async function collect({ pipeline, retention, waitAtMost }: CollectRequest): Promise<CollectSummary> {
  const { runId, startTime } = workflowInfo();
  upsertSearchAttributes([{ key: ATTRIBUTES.pipeline, value: pipeline }]);
  const input: CollectInput = { pipeline, id: runId, startedAt: startTime.toISOString(), retention };
  try {
    const child = await startInTurn<CollectInput, CollectSummary>('collection', input, {
      pipeline,
      summary: `collection of ${pipeline}`,
      waitAtMost: waitAtMost ?? FIFTEEN_MINUTES,
    });
    return await child.result();
  } catch (error) {
    rethrow(error);
  }
}

/** The one child of a collection, which holds the pipeline's turn. */
export async function collection(input: CollectInput): Promise<CollectSummary> {
  try {
    return await deleteCondemned(input);
  } catch (error) {
    rethrow(error);
  }
}
