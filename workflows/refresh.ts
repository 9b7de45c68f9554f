import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  sleep,
  startChild,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { RunSummary } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { failureOf } from './failure.js';
import { type RefreshInput, type RunInput, runWorkflowId, type Waiting, waitingQuery } from './messages.js';
import { begin } from './request.js';
import type { run } from './run.js';

const FIFTEEN_MINUTES = 15 * 60_000;
const FIRST_WAIT = 250;
const LONGEST_WAIT = 10_000;

/**
 * Refreshes a pipeline in one child with the fixed id `run:<pipeline>`: that the engine allows one open workflow per
 * id is the lock. While another run holds it, this one waits on a timer, at most `waitAtMost`.
 */
export async function refresh(request: RefreshInput): Promise<RunSummary> {
  const waiting: Waiting = {};
  setHandler(waitingQuery, () => waiting);
  const input = begin(request);
  upsertSearchAttributes([
    { key: ATTRIBUTES.pipeline, value: request.pipeline },
    { key: ATTRIBUTES.logicalTime, value: new Date(input.logicalTime) },
  ]);
  try {
    const child = await startRun(input, request.waitAtMost ?? FIFTEEN_MINUTES);
    waiting.childRun = child.firstExecutionRunId;
    const summary = await child.result();
    upsertSearchAttributes([{ key: ATTRIBUTES.outcome, value: summary.outcome }]);
    return summary;
  } catch (error) {
    const cancelled = isCancellation(error);
    upsertSearchAttributes([{ key: ATTRIBUTES.outcome, value: cancelled ? 'cancelled' : 'failed' }]);
    if (cancelled) throw error;
    throw ApplicationFailure.create({ ...failureOf(error), nonRetryable: true });
  }
}

async function startRun(input: RunInput, waitAtMost: number) {
  const { pipeline } = input.request;
  let wait = FIRST_WAIT;
  for (let waited = 0; ; waited += wait, wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await startChild<typeof run>('run', {
        workflowId: runWorkflowId(pipeline),
        args: [input],
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `${pipeline} for ${input.logicalTime}`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      if (waited + wait > waitAtMost)
        throw ApplicationFailure.nonRetryable(
          `a refresh of this pipeline is already running: ${pipeline} was still busy after ${Math.round(waited / 1000)} s`,
          'GR-3005',
        );
      await sleep(wait);
    }
  }
}
