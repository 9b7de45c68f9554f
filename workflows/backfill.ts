import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  continueAsNew,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  uuid4,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { RunSummary } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { TASK_QUEUES } from '../config/queues.js';
import { pendingOptions } from './activity-options.js';
import { failureOf, rethrow } from './failure.js';
import { type BackfillInput, type BackfillProgress, backfillQuery, backfillRunId, type RunInput } from './messages.js';

const { pendingTimes } = proxyActivities<Activities>({ ...pendingOptions, activityId: 'pendingTimes' });

/** Failures are told one by one up to so many. */
const TOLD = 20;
/** So many in a row have one cause, which another time will not mend. */
const IN_A_ROW = 3;
/** A collection overtook the run: the next one begins in the new epoch. */
const OVERTAKEN = 'GR-7002';
const LOOKS = 3;

/**
 * Refreshes a pipeline for each logical time of a range that no run has finished, one after the other, earliest first.
 * Their activities have a task queue of their own, and their runs a lock of their own, so that a scheduled refresh never
 * waits for them. It continues as new page by page, with its counts.
 */
export async function backfill(input: BackfillInput): Promise<BackfillProgress> {
  const { pipeline, from, to, every } = input;
  const progress: BackfillProgress = input.progress ?? {
    pipeline,
    from,
    to,
    every,
    all: 0,
    done: 0,
    skipped: 0,
    failed: [],
    failures: 0,
    now: null,
  };
  setHandler(backfillQuery, () => progress);
  upsertSearchAttributes([{ key: ATTRIBUTES.pipeline, value: pipeline }]);
  const page = await pendingTimes({
    ...{ pipeline, from, to, every },
    ...(input.after !== undefined && { after: input.after }),
    ...(input.force === true && { force: true }),
  }).catch(rethrow);
  progress.all = page.all;
  progress.skipped += page.skipped;
  let inARow = 0;
  for (const time of page.times) {
    progress.now = time;
    setCurrentDetails(`${progress.done} of ${progress.all - progress.skipped} done; now ${time}`);
    const fault = await refreshOnce(input, time);
    if (fault === undefined) progress.done += 1;
    else {
      progress.failures += 1;
      if (progress.failed.length < TOLD) progress.failed.push({ logicalTime: time, ...fault });
    }
    inARow = fault === undefined ? 0 : inARow + 1;
    if (inARow === IN_A_ROW)
      throw ApplicationFailure.nonRetryable(`the last ${IN_A_ROW} times all failed: ${fault?.message}`, fault?.code);
  }
  progress.now = null;
  if (page.after === null) return progress;
  return continueAsNew<typeof backfill>({ ...input, after: page.after, progress });
}

/** Runs the pipeline for one logical time; what went wrong, where something did. */
async function refreshOnce(
  { pipeline, inputs, force }: BackfillInput,
  logicalTime: string,
): Promise<{ code: string; message: string } | undefined> {
  for (let look = 1; ; look++) {
    const request = { pipeline, logicalTime, ...(inputs !== undefined && { inputs }), ...(force && { force }) };
    const startedAt = new Date().toISOString();
    const run: RunInput = { request, run: uuid4(), logicalTime, startedAt, trigger: 'backfill' };
    try {
      const { outcome } = await executeChild<(of: RunInput) => Promise<RunSummary>>('run', {
        workflowId: backfillRunId(pipeline),
        args: [run],
        taskQueue: TASK_QUEUES.workflows,
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `${pipeline} for ${logicalTime}, by backfill`,
      });
      return outcome === 'held' ? { code: 'GR-7004', message: `${pipeline} is held` } : undefined;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { type: code, message } = failureOf(error);
      if (code !== OVERTAKEN || look === LOOKS) return { code, message };
    }
  }
}
