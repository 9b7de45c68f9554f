import { collect as collectLake } from '../../lake/collect.js';
import type { Deps } from '../deps.js';
import { activity, type StepContext } from '../durable.js';
import type { CollectInput, CollectSummary } from '../types.js';
import { summaryOf } from './summary.js';

export const createMaintainActivities = (deps: Pick<Deps, 'lake' | 'log'>) => ({
  /** Deletes what retention lets go of a pipeline's lake; it must have the pipeline's turn. Repeating it is harmless. */
  collect: activity(deps.log, async (input: CollectInput, context: StepContext): Promise<CollectSummary> => {
    const { pipeline, id, retention } = input;
    const done = await collectLake(
      {
        lake: deps.lake,
        ...{ pipeline, id, retention },
        now: Date.parse(input.startedAt),
        onProgress: (deleted, total) => context.progress({ done: deleted, total, unit: 'objects' }),
      },
      context,
    );
    return summaryOf(pipeline, done);
  }),
});
