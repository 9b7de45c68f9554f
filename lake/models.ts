import { z } from 'zod';
import { GeorefreshError } from '../config/errors.js';
import { keyOf } from './keys.js';
import { artifactSchema, jsonBytes, loose, parseAs } from './manifest.js';
import type { Artifact, CallOptions, ObjectStore, Version } from './types.js';

const ATTEMPTS = 16;

const modelVersionSchema = loose({
  version: z.number().int().positive(),
  /** Of the ONNX file: what a model is known by. */
  sha256: z.string(),
  onnx: artifactSchema,
  card: artifactSchema,
  createdBy: z.string(),
  metrics: z.record(z.string(), z.number().nullable()),
});

const registrySchema = loose({ format: z.literal(1), versions: z.array(modelVersionSchema) });

/** An immutable version of a pipeline's model. Which one is champion is said by the published manifest alone. */
export type ModelVersion = z.infer<typeof modelVersionSchema>;

export const registryKey = (pipeline: string): string => keyOf('lake', pipeline, 'models', 'registry.json');

async function readRegistry(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions,
): Promise<{ versions: ModelVersion[]; version: Version | undefined }> {
  const key = registryKey(pipeline);
  const found = await store.read(key, options);
  if (found === undefined) return { versions: [], version: undefined };
  return { versions: parseAs(registrySchema, found.value, key).versions, version: found.version };
}

/** All versions of a pipeline's model, oldest first. */
export async function listModels(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions = {},
): Promise<ModelVersion[]> {
  return (await readRegistry(store, pipeline, options)).versions;
}

export interface NewModel {
  onnx: Artifact;
  card: Artifact;
  /** The run that made it. */
  createdBy: string;
  metrics: Record<string, number | null>;
}

/**
 * Enters a model, and gives its version. A model of the same bytes is found again rather than entered twice: a
 * repeated step is harmless, also where the answer to its first try was lost.
 */
export async function registerModel(
  store: ObjectStore,
  pipeline: string,
  model: NewModel,
  options: CallOptions = {},
): Promise<ModelVersion> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { versions, version } = await readRegistry(store, pipeline, options);
    const known = versions.find(({ sha256 }) => sha256 === model.onnx.sha256);
    if (known !== undefined) return known;
    const entered: ModelVersion = { version: (versions.at(-1)?.version ?? 0) + 1, sha256: model.onnx.sha256, ...model };
    const value = jsonBytes({ format: 1, versions: [...versions, entered] });
    if ((await store.swap(registryKey(pipeline), value, version, options)) !== 'conflict') return entered;
  }
  throw new GeorefreshError('GR-5002', `${ATTEMPTS} tries to enter a model of ${pipeline} met other writers`);
}
