import {
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { Plan, RunSummary, StepRecord } from '../activities/types.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { concludeOptions, queueFor, resolveOptions } from './activity-options.js';
import { startDelivery } from './delivery.js';
import { executePlan, reusedSteps } from './execute.js';
import { failureOf, filesOf, rethrow } from './failure.js';
import { progressQuery, type RunInput } from './messages.js';
import { chosen, headerOf } from './request.js';
import { Tracker } from './tracker.js';

/** The codes of an object whose bytes are not those that its name says, and of one that is gone. */
const DAMAGED: readonly string[] = ['GR-4005', 'GR-4004'];
const LOOKS = 3;

/** Carries one refresh through its stages. However it ends, it leaves a manifest that says what was done. */
export async function run(input: RunInput): Promise<RunSummary> {
  const { request } = input;
  const header = headerOf(input);
  const taskQueue = queueFor(header.trigger, 'io');
  const { resolve } = proxyActivities<Activities>({ ...resolveOptions, taskQueue, activityId: 'resolve' });
  const { conclude } = proxyActivities<Activities>({ ...concludeOptions, taskQueue, activityId: 'conclude' });
  const tracker = new Tracker(input);
  setHandler(progressQuery, () => tracker.progress());
  upsertSearchAttributes([
    { key: ATTRIBUTES.pipeline, value: header.pipeline },
    { key: ATTRIBUTES.logicalTime, value: new Date(header.logicalTime) },
  ]);

  const steps: StepRecord[] = [];
  let plan: Plan | undefined;
  let doubts: { doubted: string[] } | undefined;
  try {
    for (let look = 1; ; look++) {
      plan = await resolve({ ...header, ...chosen(request), ...doubts });
      tracker.plan(plan);
      steps.length = 0;
      try {
        if (plan.ended === undefined)
          await executePlan(plan, { ...header, epoch: plan.epoch, ...doubts }, tracker, steps);
        else steps.push(...reusedSteps(plan));
        break;
      } catch (error) {
        // What was reused has been damaged since it was looked at: another look finds it so, and makes it again.
        const failure = failureOf(error);
        if (look === LOOKS || isCancellation(error) || !DAMAGED.includes(failure.type)) throw error;
        doubts = { doubted: [...(doubts?.doubted ?? []), ...filesOf(failure)] };
        log.warn('a kept object is damaged; looking again', { fault: String(error) });
      }
    }
    const summary = await conclude({ header, plan, steps, outcome: plan.ended ?? 'unchanged' });
    const stands = summary.outcome === 'published' || summary.outcome === 'unchanged';
    if (plan.delivers === true && stands) await startDelivery(header.pipeline);
    upsertSearchAttributes([
      { key: ATTRIBUTES.outcome, value: summary.outcome },
      { key: ATTRIBUTES.modelVersion, value: summary.model?.version ?? null },
    ]);
    return summary;
  } catch (error) {
    const outcome = isCancellation(error) ? 'cancelled' : 'failed';
    upsertSearchAttributes([{ key: ATTRIBUTES.outcome, value: outcome }]);
    const failure = failureOf(error);
    // The manifest of a failed run is worth a try, but its own failure must not hide the first one.
    await CancellationScope.nonCancellable(() =>
      conclude({
        header,
        ...(plan && { plan }),
        steps,
        outcome,
        error: { code: failure.type, message: failure.message },
      }),
    ).catch((fault: unknown) => log.error('the manifest of this run could not be written', { fault: String(fault) }));
    rethrow(error);
  }
}
