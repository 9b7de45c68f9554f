import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { DecidedStep, Plan, RunHeader, StepInput, StepRecord, StepResult } from '../activities/types.js';
import { stepOptions } from './activity-options.js';
import { makeInPartitions } from './partitions.js';
import type { Tracker } from './tracker.js';

/**
 * Runs the steps of a plan, each as soon as those it needs are done. The first failure cancels the others, waits until
 * they have ended, and is thrown. `records` grows in the order in which steps end.
 */
export async function executePlan(
  plan: Plan,
  header: RunHeader,
  tracker: Tracker,
  records: StepRecord[],
): Promise<void> {
  const queues = {
    io: proxyActivities<Activities>(stepOptions('io', plan, header.trigger)),
    compute: proxyActivities<Activities>(stepOptions('compute', plan, header.trigger)),
  };

  const call = (step: DecidedStep, input: StepInput): Promise<StepResult> => {
    const options = { ...stepOptions(step.queue, plan, header.trigger), activityId: step.id, summary: step.summary };
    if (step.partitioned === true) return makeInPartitions(queues.compute, plan, step, input, options, tracker);
    if (step.stage === 'publish')
      return queues.io.publish.executeWithOptions(options, [{ ...input, steps: [...records] }]);
    return queues[step.queue][step.stage].executeWithOptions(options, [input]);
  };

  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    const results = new Map<string, Promise<StepResult>>();

    const perform = async (step: DecidedStep): Promise<StepResult> => {
      if (step.result !== undefined) {
        records.push(recordOf(step, step.result));
        return step.result;
      }
      const inputs = await Promise.all(step.needs.map((id) => needed(results, id)));
      tracker.begin(step);
      const result = await call(step, {
        header,
        definition: plan.definition,
        ...(plan.inputs !== undefined && { inputs: plan.inputs }),
        step: { id: step.id, stage: step.stage },
        tables: Object.assign({}, ...inputs.map(({ tables }) => tables)),
        artifacts: Object.assign({}, ...inputs.map(({ artifacts }) => artifacts)),
      });
      tracker.end(step, result);
      records.push(recordOf(step, result));
      return result;
    };

    let failure: { error: unknown } | undefined;
    for (const step of plan.steps) {
      const result = perform(step);
      results.set(step.id, result);
      result.catch((error: unknown) => {
        if (failure !== undefined) return;
        failure = { error };
        scope.cancel();
      });
    }
    await Promise.allSettled(results.values());
    if (failure !== undefined) throw failure.error;
  });
}

const recordOf = ({ id, stage, why, decision }: DecidedStep, result: StepResult): StepRecord => ({
  id,
  stage,
  why: result.reused ? [] : decision === 'if-changed' ? ['what it reads changed'] : why,
  ...result,
});

/** The steps of a plan whose results were there before. */
export const reusedSteps = ({ steps }: Plan): StepRecord[] =>
  steps.flatMap((step) => (step.result === undefined ? [] : [recordOf(step, step.result)]));

function needed(results: Map<string, Promise<StepResult>>, id: string): Promise<StepResult> {
  const result = results.get(id);
  if (result === undefined) throw new Error(`step ${id} stands behind a step that needs it`);
  return result;
}
