import { spreadGrids } from '../../config/definition/model.js';
import type { Pipeline } from '../../config/definition/pipeline.js';
import { GeorefreshError } from '../../config/errors.js';
import { loadPipeline } from '../../config/load.js';
import { forBatch } from '../../config/logging.js';
import { applyOverrides } from '../../config/overrides.js';
import { loadSample, resolveSources } from '../../config/sources.js';
import { putArtifact } from '../../lake/artifacts.js';
import type { Deps } from '../deps.js';
import { batchIdOf, prefixOf } from '../deps.js';
import { activity } from '../durable.js';
import { parseParams } from '../train/learners.js';
import { type Plan, type ResolveInput, STAGES } from '../types.js';
import type { FrozenDefinition } from './frozen.js';
import { planSteps } from './plan.js';

export const createResolveActivities = ({ lake, log, settings }: Deps) => ({
  /**
   * Reads the definition as it is now, applies overrides, finds every source (one error names all that are missing), and
   * freezes the result as an artifact: whatever changes on disk later, this run keeps to it.
   */
  resolve: activity(log, async (input: ResolveInput): Promise<Plan> => {
    const unknown = input.only?.filter((stage) => !STAGES.includes(stage)) ?? [];
    if (unknown.length > 0) throw new GeorefreshError('GR-1005', unknown.join(', '));
    const { pipeline: loaded, folder } = await loadPipeline(input.pipeline, settings);
    const pipeline = withGridsSpread(applyOverrides(loaded, input.overrides ?? {}));
    for (const { learner, ...params } of Object.values(pipeline.train?.candidates ?? {})) parseParams(learner, params);
    const sample = await loadSample(input.pipeline, folder);
    const found = await resolveSources(pipeline, {
      home: settings.home,
      ...(input.inputs !== undefined && { inputs: input.inputs }),
      ...(sample !== undefined && { sample }),
    });

    const definition: FrozenDefinition = {
      pipeline,
      sources: found.sources.map(({ name, present }) => ({
        name,
        from: !present ? 'absent' : found.sample ? 'sample' : 'file',
        path: pipeline.sources[name]?.uri ?? name,
      })),
    };
    const frozen = await putArtifact(
      lake.store,
      prefixOf(input.pipeline, 'state'),
      Buffer.from(JSON.stringify(definition)),
      'json',
    );
    const { pipeline: name, run, trigger } = input;
    forBatch(log, batchIdOf(input)).info({
      event: 'batch_started',
      pipeline: name,
      run,
      trigger,
      sample: found.sample,
    });
    return {
      definition: frozen,
      ...(!found.sample && { inputs: found.root }),
      sample: found.sample,
      steps: planSteps(definition, input.only),
      heartbeatTimeout: settings.engine.heartbeatTimeout,
      retry: settings.retry,
    };
  }),
});

/** From here on every candidate has parameters of its own, and its steps reuse keys of their own. */
function withGridsSpread(pipeline: Pipeline): Pipeline {
  const { train } = pipeline;
  if (train === undefined) return pipeline;
  return { ...pipeline, train: { ...train, candidates: spreadGrids(train.candidates) } };
}
