import { GeorefreshError } from '../config/errors.js';
import { sha256Of } from './hashing.js';
import { keyOf, stampOf } from './keys.js';
import { isDamage } from './known.js';
import { type Manifest, manifestSchema } from './manifest.js';
import { parseSealed, sealedBytes } from './sealed.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';

const NAME = /^(\d{8}T\d{6}Z)-(.+)\.json$/;

/** A run that left its manifest. */
export interface RunEntry {
  run: string;
  /** Logical time as `20260220T143022Z`. */
  stamp: string;
  key: string;
}

/** Where the manifest of a run lies. */
export const runKey = (pipeline: string, stamp: string, run: string): string =>
  keyOf('lake', pipeline, 'state', 'runs', `${stamp}-${run}.json`);

/** The manifest of a run at its place: GR-4004 where there is none, GR-4006 where it was altered. */
export async function readRunAt(store: ObjectStore, key: string, options: CallOptions = {}): Promise<Manifest> {
  return parseSealed(manifestSchema, await store.get(key, options), key, { unsealed: true });
}

const folderOf = (pipeline: string): string => `${keyOf('lake', pipeline, 'state', 'runs')}/`;

/**
 * Keeps the manifest of a run, whatever its outcome. The first one of a run stands: a repeated step gives its
 * reference, and the outcome that was told once is not told otherwise later. One that was altered gives way.
 */
export async function writeRunManifest(
  store: ObjectStore,
  manifest: Manifest,
  options: CallOptions = {},
): Promise<Artifact> {
  const checked = manifestSchema.parse(manifest);
  const uri = runKey(checked.pipeline, stampOf(checked.logicalTime), checked.run);
  let bytes = sealedBytes(checked);
  if ((await store.putIfAbsent(uri, bytes, options)) === 'exists') bytes = await standingOf(store, uri, bytes, options);
  return { uri, sha256: sha256Of(bytes), bytes: bytes.length };
}

async function standingOf(
  store: ObjectStore,
  uri: string,
  ours: Uint8Array,
  options: CallOptions,
): Promise<Uint8Array> {
  const found = await store.head(uri, options);
  const standing = await store.get(uri, options);
  try {
    parseSealed(manifestSchema, standing, uri, { unsealed: true });
    return standing;
  } catch {
    if (found !== undefined) await store.replace(uri, ours, found.state, options);
    return ours;
  }
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
      manifests.push(await readRunAt(store, key, options));
    } catch (error) {
      if (!isDamage(error)) throw error;
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
  return readRunAt(store, only.key, options);
}
