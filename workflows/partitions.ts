import type { ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { DecidedStep, PartsMade, Plan, StepInput, StepResult } from '../activities/types.js';
import type { Tracker } from './tracker.js';

/**
 * Makes a step in partitions: divides it, makes the chunks that are not kept, at most a window of them at a time, and puts
 * all together. A worker that dies costs the chunks that it held.
 */
export async function makeInPartitions(
  compute: ReturnType<typeof proxyActivities<Activities>>,
  { window }: Pick<Plan, 'window'>,
  step: DecidedStep,
  input: StepInput,
  options: ActivityOptions,
  tracker: Tracker,
): Promise<StepResult> {
  const split = await compute.split.executeWithOptions(
    { ...options, activityId: `${step.id}/split`, summary: `${step.summary}: which partitions` },
    [input],
  );
  if (split.kept !== undefined) return split.kept;
  const { ledger, chunks, began } = split;
  tracker.partitions(step, { all: chunks.length });

  const made = new Array<PartsMade>(chunks.length);
  let next = 0;
  const workOff = async (): Promise<void> => {
    for (let chunk = next++; chunk < chunks.length; chunk = next++) {
      const summary = `${step.summary}: ${chunks[chunk]}`;
      made[chunk] = await compute.part.executeWithOptions(
        { ...options, activityId: `${step.id}/part-${chunk}`, summary: summary.slice(0, 120) },
        [{ ...input, ledger, chunk }],
      );
      tracker.partitions(step, { done: 1 });
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, chunks.length) }, workOff));

  const result = await compute.gather.executeWithOptions(options, [{ ...input, ledger, made }]);
  // Seconds are those of all the work, one chunk after the other.
  const seconds = made.reduce((sum, part) => sum + part.seconds, split.seconds + result.seconds);
  return { ...result, began, seconds, partitions: split.partitions };
}
