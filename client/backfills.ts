import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ATTRIBUTES } from '../config/attributes.js';
import { GeorefreshError } from '../config/errors.js';
import { TASK_QUEUES } from '../config/queues.js';
import { type BackfillInput, type BackfillProgress, backfillQuery, backfillWorkflowId } from '../workflows/messages.js';
import { patiently, untilAborted } from './refreshes.js';

export type BackfillRequest = Omit<BackfillInput, 'after' | 'progress'>;

/** A backfill that was started, or was under way already for the same range. */
export interface Backfill {
  readonly pipeline: string;
  /** Undefined while no worker answers. */
  progress(): Promise<BackfillProgress | undefined>;
  /** Waits until it ends. GR-3006 where it was cancelled; an abort of `signal` ends the waiting alone. */
  result(options?: { signal?: AbortSignal }): Promise<BackfillProgress>;
  cancel(): Promise<void>;
}

const QUERY_MS = 3_000;

/**
 * Starts a backfill. There is one at a time for a pipeline: the same range again follows the one under way, another one is
 * GR-3005.
 */
export async function startBackfill(client: Client, request: BackfillRequest): Promise<Backfill> {
  const { pipeline } = request;
  const workflowId = backfillWorkflowId(pipeline);
  const isOurs = ({ from, to, every }: BackfillProgress): boolean =>
    from === request.from && to === request.to && every === request.every;
  await patiently(async () => {
    try {
      await client.workflow.start('backfill', {
        taskQueue: TASK_QUEUES.workflows,
        workflowId,
        args: [request],
        typedSearchAttributes: [{ key: ATTRIBUTES.pipeline, value: pipeline }],
        staticSummary: `backfill of ${pipeline}, ${request.from} to ${request.to}`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      const under = await backfillOf(client, pipeline).progress();
      if (under !== undefined && isOurs(under)) return;
      const range = under === undefined ? '' : `, ${under.from} to ${under.to}, each ${under.every}`;
      throw new GeorefreshError('GR-3005', `a backfill of ${pipeline} is under way${range}`);
    }
  });
  return backfillOf(client, pipeline);
}

/** The latest backfill of a pipeline. */
export function backfillOf(client: Client, pipeline: string): Backfill {
  // Without a run id: the chain of runs that continue each other is followed.
  const handle = client.workflow.getHandle(backfillWorkflowId(pipeline));
  return {
    pipeline,
    progress: () =>
      client.withDeadline(Date.now() + QUERY_MS, () => handle.query(backfillQuery)).catch(() => undefined),
    result: ({ signal } = {}) =>
      patiently(() => {
        const wait = async (): Promise<BackfillProgress> => (await handle.result()) as BackfillProgress;
        return untilAborted(client, signal, wait);
      }),
    async cancel() {
      await patiently(async () => {
        const found = await handle.describe().catch((error: unknown) => {
          if (error instanceof WorkflowNotFoundError) return undefined;
          throw error;
        });
        // The engine takes the cancellation of what has ended without a word.
        if (found?.status.name !== 'RUNNING')
          throw new GeorefreshError('GR-4002', `no backfill of ${pipeline} is under way`);
        await handle.cancel();
      });
    },
  };
}
