import type { Candidate } from '../../config/definition/model.js';
import type { Pipeline } from '../../config/definition/pipeline.js';
import { GeorefreshError } from '../../config/errors.js';
import { loadPipeline } from '../../config/load.js';
import { forBatch } from '../../config/logging.js';
import { applyOverrides } from '../../config/overrides.js';
import { loadSample, resolveSources } from '../../config/sources.js';
import { inEpoch } from '../../lake/epoch.js';
import { doubt } from '../../lake/known.js';
import { registryKey } from '../../lake/models.js';
import { epochOf, type Pointer, pointerKey, readPointer } from '../../lake/pointer.js';
import type { Artifact } from '../../lake/types.js';
import { batchIdOf, type Deps } from '../deps.js';
import { activity, type StepContext } from '../durable.js';
import { divide } from '../partitions/index.js';
import { parseParams } from '../train/learners.js';
import { type Plan, type ResolveInput, STAGES } from '../types.js';
import { planSteps } from './plan.js';
import { contentsFor } from './steps/contents.js';
import { type DecideInput, decide } from './steps/decide.js';
import { freeze, keepFrozen, withGridsSpread } from './steps/freeze.js';
import { isHeld, isPublished } from './steps/published.js';

export const createResolveActivities = (deps: Deps) => ({
  /**
   * Reads the definition as it is now, applies overrides, finds every source (one error names all that are missing), and
   * freezes the result as an artifact: whatever changes on disk later, this run keeps to it. Then it looks what of the
   * steps' results is there already.
   */
  resolve: activity(deps.log, async (input: ResolveInput, context: StepContext): Promise<Plan> => {
    for (const key of input.doubted ?? []) doubt(deps.lake.store, key);
    const state = await readPointer(deps.lake.store, input.pipeline, context);
    const epoch = epochOf(state?.pointer);
    // What was altered of them is put right, also where this run will write neither.
    if (input.dry !== true)
      for (const key of [pointerKey(input.pipeline), registryKey(input.pipeline)])
        await deps.lake.store.settle?.(key, context);
    return inEpoch(epoch, () => resolve(deps, { ...input, epoch }, context, state?.pointer));
  }),
});

async function resolve(
  deps: Deps,
  input: ResolveInput & { epoch: number },
  context: StepContext,
  pointer: Pointer | undefined,
): Promise<Plan> {
  const { signal } = context;
  const { log, settings } = deps;
  const unknown = input.only?.filter((stage) => !STAGES.includes(stage)) ?? [];
  if (unknown.length > 0) throw new GeorefreshError('GR-1005', unknown.join(', '));
  const { pipeline: loaded, folder } = await loadPipeline(input.pipeline, settings);
  const pipeline = withGridsSpread(applyOverrides(loaded, input.overrides ?? {}));
  for (const { learner, ...params } of learnersOf(pipeline)) parseParams(learner, params);
  const sample = await loadSample(input.pipeline, folder);
  const found = await resolveSources(pipeline, {
    home: settings.home,
    ...(input.inputs !== undefined && { inputs: input.inputs }),
    ...(sample !== undefined && { sample }),
  });

  const definition = await freeze(deps, pipeline, found, folder);
  const frozen = await keepFrozen(deps, input, definition, { signal });
  const held = isHeld(input, pointer);
  const contents = held ? {} : await contentsFor(deps, input, definition, found, { signal });
  const wanted = held ? [] : planSteps(definition, input.only);
  const steps = await decide(
    deps,
    pipeline.name,
    {
      definition,
      steps: wanted,
      contents,
      force: input.force,
      ...(input.dry === true && { partitions: partitionsOf(deps, input, frozen, context) }),
    },
    { signal },
  );
  const plan: Plan = {
    definition: frozen,
    ...(!found.sample && { inputs: found.root }),
    sample: found.sample,
    steps,
    ...(Object.values(pipeline.outputs).some(({ to }) => to !== undefined) && { delivers: true }),
    epoch: input.epoch,
    window: settings.partitions.window,
    heartbeatTimeout: settings.engine.heartbeatTimeout,
    retry: settings.retry,
  };
  const { pipeline: name, run, trigger } = input;
  if (input.dry !== true)
    forBatch(log, batchIdOf(input)).info({
      event: 'batch_started',
      pipeline: name,
      run,
      trigger,
      sample: found.sample,
      steps: steps.length,
      reused: steps.filter(({ decision }) => decision === 'reuse').length,
    });
  if (held) return { ...plan, ended: 'held' };
  return (await isPublished(deps, input, definition, plan, { signal })) ? { ...plan, ended: 'unchanged' } : plan;
}

/** Looks which partitions of a step would be made; the run would do the same as its first part. */
const partitionsOf =
  (
    deps: Deps,
    header: ResolveInput,
    definition: Artifact,
    context: StepContext,
  ): NonNullable<DecideInput['partitions']> =>
  async ({ id, stage }, made) => {
    const { parts } = await divide(deps, { header, definition, step: { id, stage }, ...made }, context);
    return parts.map(({ name, kept }) => ({ name, decision: kept === undefined ? 'run' : 'reuse' }));
  };

/** Every learner that a definition names: candidates, and those of builders. */
const learnersOf = ({ train, features, score }: Pipeline): Candidate[] => [
  ...Object.values(train?.candidates ?? {}),
  ...Object.values({ ...features, ...score.tables }).flatMap(({ steps }) =>
    steps.flatMap((builder) => ('fit' in builder ? Object.values(builder.fit.add) : [])),
  ),
];
