import { z } from 'zod';
import { codeOf, GeorefreshError } from '../config/errors.js';
import { epochNow, epochSegment } from './epoch.js';
import { sha256Of } from './hashing.js';
import { keyOf } from './keys.js';
import type { Lake } from './lake.js';
import { artifactSchema, loose } from './manifest.js';
import { parseSealed, sealedBytes } from './sealed.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';
import { isWhole } from './whole.js';

/** Everything that decides what a step leaves. Two steps whose ingredients are equal leave equal bytes. */
export interface Ingredients {
  step: string;
  /** Digest of the code that does the work. */
  code: string;
  /** Digest of the packages and of the platform that run it. */
  packages: string;
  /** Digest of the part of the definition that it goes by. */
  parameters: string;
  /** Digests of what it reads, by name. */
  inputs: Readonly<Record<string, string>>;
}

/** The reuse key: digest of the ingredients, whatever the order of their names. */
export function reuseKey({ step, code, packages, parameters, inputs }: Ingredients): string {
  const sorted = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Of(JSON.stringify([step, code, packages, parameters, sorted]));
}

const kept = loose({
  version: z.literal(1),
  key: z.string(),
  ingredients: loose({
    step: z.string(),
    code: z.string(),
    packages: z.string(),
    parameters: z.string(),
    inputs: z.record(z.string(), z.string()),
  }),
  /** Objects without which the result is worth nothing. */
  objects: z.array(artifactSchema),
  result: z.unknown(),
  /** When it was made, ISO 8601, where it has outlived a collection. */
  made: z.string().optional(),
});

export type Remembered = z.infer<typeof kept>;

/** Results are known in one epoch: those that outlive a collection are written down anew in the next. */
const folderOf = (pipeline: string, epoch = epochNow()): string =>
  keyOf('lake', pipeline, 'state', 'keys', ...epochSegment(epoch));
const placeOf = (pipeline: string, key: string): string => keyOf(folderOf(pipeline), `key-${key}.json`);

/**
 * Keeps what a step left under the key of its ingredients. A result that stands there already gives way: whoever made
 * this one found that one wanting. Losing this file, or the race for it, costs a repetition and nothing else.
 */
export async function remember(
  { store }: Pick<Lake, 'store'>,
  pipeline: string,
  ingredients: Ingredients,
  { objects, result }: { objects: readonly Artifact[]; result: unknown },
  options: CallOptions = {},
): Promise<string> {
  const key = reuseKey(ingredients);
  const place = placeOf(pipeline, key);
  const bytes = sealedBytes({ version: 1, key, ingredients, objects, result });
  if ((await store.putIfAbsent(place, bytes, options)) === 'created') return key;
  const found = await store.head(place, options);
  const standing = await store.get(place, options).catch(unlessGone);
  if (standing !== undefined && sha256Of(standing) === sha256Of(bytes)) return key;
  if (found === undefined) await store.putIfAbsent(place, bytes, options);
  else await store.replace(place, bytes, found.state, options);
  return key;
}

/** What is kept under a key, whether or not its objects still stand; undefined where that is nothing that can be read. */
export async function lookUp(
  { store }: Pick<Lake, 'store'>,
  pipeline: string,
  key: string,
  options: CallOptions = {},
): Promise<Remembered | undefined> {
  const place = placeOf(pipeline, key);
  const bytes = await store.get(place, options).catch(unlessGone);
  if (bytes === undefined) return undefined;
  try {
    return parseSealed(kept, bytes, place);
  } catch (error) {
    // A torn, altered or foreign file is a miss: it is written anew.
    if (error instanceof GeorefreshError && error.code === 'GR-4006') return undefined;
    throw error;
  }
}

/** The first of a result's objects that is gone or damaged; undefined where all are whole. */
export async function firstBroken(
  lake: Lake,
  { objects }: Pick<Remembered, 'objects'>,
  options: CallOptions = {},
): Promise<Artifact | undefined> {
  for (const object of objects) if (!(await isWhole(lake, object, options))) return object;
  return undefined;
}

/** What is kept under a key where all of its objects are whole: whatever is missing or damaged is a miss. */
export async function recall(
  lake: Lake,
  pipeline: string,
  key: string,
  options: CallOptions = {},
): Promise<Remembered | undefined> {
  const found = await lookUp(lake, pipeline, key, options);
  return found !== undefined && (await firstBroken(lake, found, options)) === undefined ? found : undefined;
}

/** Whether anything is kept for a pipeline. */
export async function anyKept(
  { store }: Pick<Lake, 'store'>,
  pipeline: string,
  options: CallOptions = {},
): Promise<boolean> {
  for await (const _ of store.list(`${folderOf(pipeline)}/`, options)) return true;
  return false;
}

/** A result that is kept in an epoch, and when it was made. */
export interface KeptResult extends Remembered {
  place: string;
  madeAt: number;
}

/** All results of an epoch that can be read; `damaged` is told the places of the others. */
export async function* resultsOf(
  { store }: Pick<Lake, 'store'>,
  pipeline: string,
  epoch: number,
  { damaged, ...options }: CallOptions & { damaged?: (place: string) => void } = {},
): AsyncIterable<KeptResult> {
  for await (const { key: place, modified } of store.list(`${folderOf(pipeline, epoch)}/key-`, options)) {
    const found = await resultAt(store, place, modified.getTime(), { ...options, ...(damaged && { damaged }) });
    if (found !== undefined) yield found;
  }
}

/** The result at a place that was written `modified` milliseconds after the epoch; undefined where none can be read. */
export async function resultAt(
  store: ObjectStore,
  place: string,
  modified: number,
  { damaged, ...options }: CallOptions & { damaged?: (place: string) => void } = {},
): Promise<KeptResult | undefined> {
  const bytes = await store.get(place, options).catch(unlessGone);
  if (bytes === undefined) return undefined;
  try {
    const found = parseSealed(kept, bytes, place);
    return { ...found, place, madeAt: found.made === undefined ? modified : Date.parse(found.made) };
  } catch (error) {
    if (codeOf(error) !== 'GR-4006') throw error;
    damaged?.(place);
    return undefined;
  }
}

/** Writes a result down in a later epoch. */
export async function carryOver(
  { store }: Pick<Lake, 'store'>,
  pipeline: string,
  epoch: number,
  { place, madeAt, ...result }: KeptResult,
  options: CallOptions = {},
): Promise<void> {
  const name = place.slice(place.lastIndexOf('/') + 1);
  const bytes = sealedBytes({ ...result, made: new Date(madeAt).toISOString() });
  await store.putIfAbsent(keyOf(folderOf(pipeline, epoch), name), bytes, options);
}

function unlessGone(error: unknown): undefined {
  if (codeOf(error) !== 'GR-4004') throw error;
}
