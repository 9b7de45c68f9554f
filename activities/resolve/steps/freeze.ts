import { spreadGrids } from '../../../config/definition/model.js';
import type { Pipeline } from '../../../config/definition/pipeline.js';
import { type ResolvedSources, sampleModule } from '../../../config/sources.js';
import { addressOf, putArtifact } from '../../../lake/artifacts.js';
import { sha256Of } from '../../../lake/hashing.js';
import type { Artifact, CallOptions } from '../../../lake/types.js';
import { type Deps, noteDefinition, prefixOf } from '../../deps.js';
import type { ResolveInput } from '../../types.js';
import type { FrozenDefinition } from '../frozen.js';

/** From here on every candidate has parameters of its own, and its steps reuse keys of their own. */
export function withGridsSpread(pipeline: Pipeline): Pipeline {
  const { train } = pipeline;
  if (train === undefined) return pipeline;
  return { ...pipeline, train: { ...train, candidates: spreadGrids(train.candidates) } };
}

/** The definition that a run keeps to, whatever changes on disk later. */
export async function freeze(
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

/** Keeps it as an artifact; a dry run only says which that would be. */
export async function keepFrozen(
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
