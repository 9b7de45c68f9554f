import { codeOf, GeorefreshError } from '../config/errors.js';
import { sha256Of } from './hashing.js';
import { keyOf, stampOf } from './keys.js';
import { jsonBytes, type Manifest, manifestSchema, parseManifest } from './manifest.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';

const NAME = /^(\d{8}T\d{6}Z)-(.+)\.json$/;

/** A run that left its manifest. */
export interface RunEntry {
  run: string;
  /** Logical time as `20260220T143022Z`. */
  stamp: string;
  key: string;
}

const folderOf = (pipeline: string): string => `${keyOf('lake', pipeline, 'state', 'runs')}/`;

/**
 * Keeps the manifest of a run, whatever its outcome. The first one of a run stands: a repeated step gives its
 * reference, and the outcome that was told once is not told otherwise later.
 */
export async function writeRunManifest(
  store: ObjectStore,
  manifest: Manifest,
  options: CallOptions = {},
): Promise<Artifact> {
  const checked = manifestSchema.parse(manifest);
  const uri = keyOf('lake', checked.pipeline, 'state', 'runs', `${stampOf(checked.logicalTime)}-${checked.run}.json`);
  let bytes = jsonBytes(checked);
  if ((await store.putIfAbsent(uri, bytes, options)) === 'exists') bytes = await store.get(uri, options);
  return { uri, sha256: sha256Of(bytes), bytes: bytes.length };
}

/** Runs of a pipeline, latest logical time first. */
export async function listRuns(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions & { limit?: number } = {},
): Promise<RunEntry[]> {
  const runs: RunEntry[] = [];
  const folder = folderOf(pipeline);
  for await (const { key } of store.list(folder, options)) {
    const match = NAME.exec(key.slice(folder.length));
    if (match?.[1] !== undefined && match[2] !== undefined) runs.push({ stamp: match[1], run: match[2], key });
  }
  runs.reverse();
  return options.limit === undefined ? runs : runs.slice(0, options.limit);
}

/** Manifests of the latest runs, latest first. One that is damaged or gone is left out: it costs a point of comparison. */
export async function latestManifests(
  store: ObjectStore,
  pipeline: string,
  options: CallOptions & { limit: number },
): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const { key } of await listRuns(store, pipeline, options)) {
    try {
      manifests.push(parseManifest(await store.get(key, options), key));
    } catch (error) {
      if (!['GR-4004', 'GR-4006'].includes(codeOf(error))) throw error;
    }
  }
  return manifests;
}

/** The manifest of the run whose id begins so: GR-4002 where there is none, or more than one. */
export async function readRun(
  store: ObjectStore,
  pipeline: string,
  prefix: string,
  options: CallOptions = {},
): Promise<Manifest> {
  const all = await listRuns(store, pipeline, options);
  const exact = all.filter(({ run }) => run === prefix);
  const found = exact.length > 0 ? exact : all.filter(({ run }) => prefix !== '' && run.startsWith(prefix));
  const [only, ...others] = found;
  if (only === undefined) throw new GeorefreshError('GR-4002', `${pipeline} has no run ${JSON.stringify(prefix)}`);
  if (others.length > 0) {
    const names = found.slice(0, 5).map(({ run }) => run);
    throw new GeorefreshError(
      'GR-4002',
      `${JSON.stringify(prefix)} fits ${found.length} runs of ${pipeline}: ${names.join(', ')}`,
    );
  }
  return parseManifest(await store.get(only.key, options), only.key);
}
