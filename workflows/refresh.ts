import { isCancellation, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { RunSummary } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { rethrow } from './failure.js';
import { type RefreshInput, type RunInput, type Waiting, waitingQuery } from './messages.js';
import { begin } from './request.js';
import { startInTurn } from './turn.js';

const FIFTEEN_MINUTES = 15 * 60_000;

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
    const child = await startInTurn<RunInput, RunSummary>('run', input, {
      pipeline: request.pipeline,
      summary: `${request.pipeline} for ${input.logicalTime}`,
      waitAtMost: request.waitAtMost ?? FIFTEEN_MINUTES,
    });
    waiting.childRun = child.firstExecutionRunId;
    const summary = await child.result();
    upsertSearchAttributes([{ key: ATTRIBUTES.outcome, value: summary.outcome }]);
    return summary;
  } catch (error) {
    upsertSearchAttributes([{ key: ATTRIBUTES.outcome, value: isCancellation(error) ? 'cancelled' : 'failed' }]);
    rethrow(error);
  }
}
