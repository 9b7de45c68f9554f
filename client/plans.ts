import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { TASK_QUEUES } from '../config/queues.js';
import { USUAL_RUNS, usualSeconds } from '../lake/durations.js';
import { latestManifests } from '../lake/runs.js';
import type { ObjectStore } from '../lake/types.js';
import type { PlannedStep, PlanView, RefreshInput } from '../workflows/messages.js';
import { failureOf } from './failure.js';

/** How long a look may take; it hashes at most every source once. */
const LONGEST_MS = 10 * 60_000;

export interface ExpectedStep extends PlannedStep {
  /** Seconds that it took in the median of the latest runs that made it; null where none did. */
  seconds: number | null;
}

export interface RefreshPlan extends Omit<PlanView, 'steps'> {
  steps: ExpectedStep[];
  counts: { run: number; reuse: number; 'if-changed': number };
  /** Seconds of the work of all steps that run, one after the other; those that may run are not in it. */
  seconds: number;
}

/** Asks what a refresh would do, beside any that runs; nothing is written. */
export async function planRefresh(client: Client, store: ObjectStore, request: RefreshInput): Promise<RefreshPlan> {
  const view = (await client.workflow
    .execute('plan', {
      taskQueue: TASK_QUEUES.workflows,
      workflowId: `plan:${request.pipeline}:${randomUUID().slice(0, 8)}`,
      args: [request],
      workflowExecutionTimeout: LONGEST_MS,
      staticSummary: `plan of ${request.pipeline}`,
    })
    .catch((error: unknown) => {
      throw failureOf(error);
    })) as PlanView;
  const took = usualSeconds(await latestManifests(store, request.pipeline, { limit: USUAL_RUNS }));
  const steps = view.steps.map((step) => ({ ...step, seconds: took.get(step.id) ?? null }));
  const count = (decision: PlannedStep['decision']): number =>
    steps.filter((step) => step.decision === decision).length;
  return {
    ...view,
    steps,
    counts: { run: count('run'), reuse: count('reuse'), 'if-changed': count('if-changed') },
    seconds: steps.filter(({ decision }) => decision === 'run').reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
  };
}
