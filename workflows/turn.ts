import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  type ChildWorkflowHandle,
  ParentClosePolicy,
  sleep,
  startChild,
} from '@temporalio/workflow';
import { runWorkflowId } from './messages.js';

const FIRST_WAIT = 250;
const LONGEST_WAIT = 10_000;

/** A child workflow that needs the pipeline's turn. */
type Child<I, R> = (input: I) => Promise<R>;

/**
 * Starts a child under the fixed id `run:<pipeline>`: that the engine allows one open workflow per id is the lock of the
 * pipeline, for runs and collections alike. While another holds it, this one waits on a timer, at most `waitAtMost`.
 */
export async function startInTurn<I, R>(
  type: string,
  input: I,
  { pipeline, summary, waitAtMost }: { pipeline: string; summary: string; waitAtMost: number },
): Promise<ChildWorkflowHandle<Child<I, R>>> {
  let wait = FIRST_WAIT;
  for (let waited = 0; ; waited += wait, wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await startChild<Child<I, R>>(type, {
        workflowId: runWorkflowId(pipeline),
        args: [input],
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: summary,
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
