import type { Candidate } from '../../config/definition/model.js';
import type { Pipeline } from '../../config/definition/pipeline.js';
import { GeorefreshError } from '../../config/errors.js';
import { loadPipeline } from '../../config/load.js';
import { forBatch } from '../../config/logging.js';
import { applyOverrides } from '../../config/overrides.js';
import { loadSample, type ResolvedSources, resolveSources, sampleModule } from '../../config/sources.js';
import { addressOf, putArtifact } from '../../lake/artifacts.js';
import { readCurrent } from '../../lake/current.js';
import { sha256Of } from '../../lake/hashing.js';
import { readPointer } from '../../lake/pointer.js';
import { anyKept } from '../../lake/reuse.js';
import type { Artifact, CallOptions } from '../../lake/types.js';
import { batchIdOf, type Deps, noteDefinition, prefixOf } from '../deps.js';
import { activity, type StepContext } from '../durable.js';
import { divide } from '../partitions/index.js';
import { publicationOf } from '../reuse.js';
import { parseParams } from '../train/learners.js';
import { type Plan, type ResolveInput, STAGES } from '../types.js';
import type { FrozenDefinition } from './frozen.js';
import { recipeOf } from './ingredients.js';
import { planSteps } from './plan.js';
import { contentsOf } from './steps/contents.js';
import { type DecideInput, decide } from './steps/decide.js';

export const createResolveActivities = (deps: Deps) => ({
  /**
   * Reads the definition as it is now, applies overrides, finds every source (one error names all that are missing), and
   * freezes the result as an artifact: whatever changes on disk later, this run keeps to it. Then it looks what of the
   * steps' results is there already.
   */
  resolve: activity(deps.log, async (input: ResolveInput, context: StepContext): Promise<Plan> => {
    const { signal } = context;
    const { log, settings } = deps;
    const unknown = input.only?.filter((stage) => !STAGES.includes(stage)) ?? [];
    if (unknown.length > 0) throw new GeorefreshError('GR-1005', unknown.join(', '));
    const { pipeline: loaded, folder } = await loadPipeline(input.pipeline, settings);
    const pipeline = applyOverrides(loaded, input.overrides ?? {});
    for (const { learner, ...params } of learnersOf(pipeline)) parseParams(learner, params);
    const sample = await loadSample(input.pipeline, folder);
    const found = await resolveSources(pipeline, {
      home: settings.home,
      ...(input.inputs !== undefined && { inputs: input.inputs }),
      ...(sample !== undefined && { sample }),
    });

    const definition = await freeze(deps, pipeline, found, folder);
    const frozen = await keep(deps, input, definition, { signal });
    const held = await isHeld(deps, input, { signal });
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
  }),
});

/** Whether what this run would publish is held back: then nothing is made for it. What would be made can still be planned. */
async function isHeld(
  { lake }: Deps,
  { pipeline, only, dry = false }: ResolveInput,
  options: CallOptions,
): Promise<boolean> {
  if (dry || only?.includes('publish') === false) return false;
  return (await readPointer(lake.store, pipeline, options))?.pointer.hold != null;
}

async function freeze(
  { code }: Deps,
  pipeline: Pipeline,
  { sources, sample }: ResolvedSources,
  folder: string,
): Promise<FrozenDefinition> {
  const { schedule: _schedule, signals: _signals, ...made } = pipeline;
  const module = sample ? sampleModule(folder) : undefined;
  const generator = module === undefined ? undefined : await code.ofFile(module);
  return {
    pipeline: made,
    sources: sources.map(({ name, present }) => ({
      name,
      from: !present ? 'absent' : sample ? 'sample' : 'file',
      path: pipeline.sources[name]?.uri ?? name,
      ...(generator !== undefined && present && { generator }),
    })),
  };
}

async function keep(
  { lake }: Deps,
  { pipeline, dry = false }: ResolveInput,
  definition: FrozenDefinition,
  options: CallOptions,
): Promise<Artifact> {
  const bytes = Buffer.from(JSON.stringify(definition));
  const prefix = prefixOf(pipeline, 'state');
  if (!dry) return putArtifact(lake.store, prefix, bytes, 'json', options);
  const sha256 = sha256Of(bytes);
  noteDefinition({ sha256 }, definition);
  return { uri: addressOf(prefix, sha256, 'json'), sha256, bytes: bytes.length };
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
    const { parts } = await divide(deps, { header, definition, step: { id, stage }, ...made }, context, false);
    return parts.map(({ name, kept }) => ({ name, decision: kept === undefined ? 'run' : 'reuse' }));
  };

/** What the sources' bytes are known by; nothing where no result is kept that they could be compared with. */
async function contentsFor(
  { lake }: Deps,
  { pipeline, dry = false, force }: ResolveInput,
  definition: FrozenDefinition,
  { sample, sources }: ResolvedSources,
  options: CallOptions,
): Promise<Record<string, string>> {
  if (sample) return Object.fromEntries(definition.sources.map(({ name, generator }) => [name, generator ?? '']));
  if (force || !(await anyKept(lake, pipeline, options))) return {};
  return contentsOf(lake, pipeline, sources, { dry, ...options });
}

/** Whether the published snapshot is whole and holds exactly what this run would publish. */
async function isPublished(
  deps: Deps,
  { logicalTime }: ResolveInput,
  definition: FrozenDefinition,
  { definition: frozen, steps }: Plan,
  options: CallOptions,
): Promise<boolean> {
  const reusable = steps.filter((step) => recipeOf(definition, step) !== undefined);
  if (reusable.length === steps.length || reusable.some(({ decision }) => decision !== 'reuse')) return false;
  const { store } = deps.lake;
  const current = await readCurrent(store, definition.pipeline.name, options);
  if (current === undefined || current.warnings.length > 0) return false;
  // A run for an earlier time is superseded: publishing says so.
  if (Date.parse(logicalTime) < Date.parse(current.pointer.logicalTime)) return false;
  const records = reusable.flatMap(({ id, stage, result }) => (result === undefined ? [] : [{ id, stage, ...result }]));
  return current.manifest.publication === (await publicationOf(deps, frozen, definition, records));
}

/** Every learner that a definition names: candidates, and those of builders. */
const learnersOf = ({ train, features, score }: Pipeline): Candidate[] => [
  ...Object.values(train?.candidates ?? {}),
  ...Object.values({ ...features, ...score.tables }).flatMap(({ steps }) =>
    steps.flatMap((builder) => ('fit' in builder ? Object.values(builder.fit.add) : [])),
  ),
];
