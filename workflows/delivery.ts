import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import type { deliver } from './deliver.js';
import { deliverWorkflowId, publishedSignal } from './messages.js';

const ATTEMPTS = 5;

/**
 * Sees to it that what is published now is delivered, without waiting for it: by a delivery of its own, or by telling the
 * one that is under way. What is published stands whatever becomes of this, so a failure is only logged.
 */
export async function startDelivery(pipeline: string): Promise<void> {
  await CancellationScope.nonCancellable(() => startOrTell(pipeline)).catch((fault: unknown) =>
    log.warn('the delivery could not be started; the next publication will', { pipeline, fault: String(fault) }),
  );
}

async function startOrTell(pipeline: string): Promise<void> {
  const workflowId = deliverWorkflowId(pipeline);
  for (let attempt = 1; ; attempt++) {
    try {
      await startChild<typeof deliver>('deliver', {
        workflowId,
        args: [{ pipeline }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
        staticSummary: `delivery of ${pipeline}`,
      });
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    try {
      return await getExternalWorkflowHandle(workflowId).signal(publishedSignal);
    } catch (error) {
      // It ended between the two calls.
      if (attempt === ATTEMPTS) throw error;
    }
  }
}
