import type { ActivityOptions, RetryPolicy } from '@temporalio/workflow';
import type { Plan, Trigger } from '../activities/types.js';
import { ERRORS } from '../config/errors.js';
import { TASK_QUEUES } from '../config/queues.js';

const permanent = Object.entries(ERRORS)
  .filter(([, { retryable }]) => !retryable)
  .map(([code]) => code);

const DEFAULT_RETRY = { maximumAttempts: 8, initialInterval: 500, backoffCoefficient: 2, maximumInterval: 30_000 };

const retry = (policy: Plan['retry']): RetryPolicy => ({ ...policy, nonRetryableErrorTypes: permanent });

/** Looks at definitions and sources, before there is a plan that could say otherwise. */
export const resolveOptions: ActivityOptions = {
  taskQueue: TASK_QUEUES.io,
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '30 minutes',
  heartbeatTimeout: '10 s',
  retry: retry(DEFAULT_RETRY),
};

/** Looks which times of a range are open: it may read a manifest for each. */
export const pendingOptions: ActivityOptions = {
  taskQueue: TASK_QUEUES.backfill,
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '1 hour',
  heartbeatTimeout: '10 s',
  retry: retry(DEFAULT_RETRY),
};

/** Where the activities of a run go that are not steps, or wherever a trigger that can wait leads. */
export const queueFor = (trigger: Trigger, queue: 'io' | 'compute'): string =>
  TASK_QUEUES[trigger === 'backfill' ? 'backfill' : queue];

/** A step of a plan: bounded by its longest honest attempt, by silence, and by the number of attempts. */
export const stepOptions = (
  queue: 'io' | 'compute',
  plan: Pick<Plan, 'heartbeatTimeout' | 'retry'>,
  trigger: Trigger,
): ActivityOptions => ({
  taskQueue: queueFor(trigger, queue),
  startToCloseTimeout: queue === 'io' ? '20 minutes' : '2 hours',
  scheduleToCloseTimeout: '12 hours',
  heartbeatTimeout: plan.heartbeatTimeout,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: retry(plan.retry),
});

/** Deletes object by object, for as long as it takes, and goes on where an attempt before it stopped. */
export const collectOptions: ActivityOptions = {
  taskQueue: TASK_QUEUES.io,
  startToCloseTimeout: '6 hours',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '30 s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: retry(DEFAULT_RETRY),
};

/** Brings tables to a database that may be away for hours; what is published in the lake does not wait for it. */
export const deliverOptions: ActivityOptions = {
  taskQueue: TASK_QUEUES.io,
  startToCloseTimeout: '2 hours',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '15 s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: retry({ maximumAttempts: 400, initialInterval: 500, backoffCoefficient: 2, maximumInterval: 300_000 }),
};

/** Writes down how a run ended; runs also after a cancellation. */
export const concludeOptions: ActivityOptions = {
  taskQueue: TASK_QUEUES.io,
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 s',
  retry: retry(DEFAULT_RETRY),
};
