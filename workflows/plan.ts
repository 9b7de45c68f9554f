import { proxyActivities, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { ATTRIBUTES } from '../config/attributes.js';
import { resolveOptions } from './activity-options.js';
import { rethrow } from './failure.js';
import type { PlanView, RefreshInput } from './messages.js';
import { begin, chosen, headerOf } from './request.js';

const { resolve } = proxyActivities<Activities>({ ...resolveOptions, activityId: 'resolve' });

/** What a refresh with this request would do now. Needs no turn: it writes nothing, so it may run beside a refresh. */
export async function plan(request: RefreshInput): Promise<PlanView> {
  const input = begin(request);
  upsertSearchAttributes([{ key: ATTRIBUTES.pipeline, value: request.pipeline }]);
  try {
    const { sample, ended, steps } = await resolve({ ...headerOf(input), ...chosen(request), dry: true });
    return {
      pipeline: request.pipeline,
      logicalTime: input.logicalTime,
      sample,
      ...(ended !== undefined && { ended }),
      steps: steps.map(({ id, stage, summary, decision, why, partitions }) => ({
        ...{ id, stage, summary, why },
        // Where nothing is published anew, the steps that tell of a run do not run either.
        decision: ended === undefined ? decision : 'reuse',
        ...(partitions && { partitions }),
      })),
    };
  } catch (error) {
    rethrow(error);
  }
}
