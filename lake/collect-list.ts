import { z } from 'zod';
import { codeOf, GeorefreshError } from '../config/errors.js';
import type { Collection } from './collect.js';
import { keyOf } from './keys.js';
import { loose } from './manifest.js';
import { readPointer } from './pointer.js';
import { type KeptResult, resultAt } from './reuse.js';
import { parseSealed, sealedBytes } from './sealed.js';
import { eachOf } from './slots.js';
import type { CallOptions, ObjectStore } from './types.js';

const count = z.number().int().nonnegative();

const listSchema = loose({
  version: z.literal(2),
  id: z.string(),
  epoch: count,
  pipeline: z.string(),
  floor: count,
  generation: count,
  snapshots: count,
  results: count,
  condemned: z.array(
    loose({ key: z.string(), kind: z.enum(['snapshot', 'object', 'result', 'run', 'note']), bytes: count }),
  ),
  bytes: count,
  /** Places of the results that are carried over, and when those were made, in milliseconds since the epoch. */
  carried: z.array(loose({ place: z.string(), madeAt: z.number() })),
});

/** What one collection lets go and what it carries over. */
export interface CollectList {
  collection: Collection;
  results: KeptResult[];
}

interface Whose {
  store: ObjectStore;
  pipeline: string;
  id: string;
  epoch: number;
}

const placeOf = ({ pipeline, id, epoch }: Whose): string =>
  keyOf('lake', pipeline, 'state', 'collections', `${String(epoch).padStart(6, '0')}-${id}.json`);

/**
 * The list of a collection: that of its first attempt to write one, made by `survey`, which no later attempt makes again.
 * An attempt that was given up may still be deleting by it. If the next took a second look, a result that some frozen run
 * wrote anew in between could stay by the one list and go by the other.
 *
 * GR-7002 where a later collection has begun: that one may have let go of the list itself, and what was made anew is none.
 * GR-4006 where the list was altered; nothing is deleted by such a one, and the next collection writes its own.
 */
export async function listOnce(
  whose: Whose,
  survey: () => Promise<CollectList>,
  options: CallOptions,
): Promise<CollectList> {
  const list = (await readBack(whose, options)) ?? (await writeDown(whose, await survey(), options));
  const now = await readPointer(whose.store, whose.pipeline, options);
  if (now?.pointer.collection?.id === whose.id) return list;
  throw new GeorefreshError('GR-7002', `a later collection of ${whose.pipeline} has begun`);
}

async function writeDown(whose: Whose, list: CollectList, options: CallOptions): Promise<CollectList> {
  const { id, epoch } = whose;
  const carried = list.results.map(({ place, madeAt }) => ({ place, madeAt }));
  const bytes = sealedBytes({ version: 2, id, epoch, ...list.collection, carried });
  if ((await whose.store.putIfAbsent(placeOf(whose), bytes, options)) === 'created') return list;
  const standing = await readBack(whose, options);
  if (standing !== undefined) return standing;
  throw new GeorefreshError('GR-7002', `the list of this collection of ${whose.pipeline} is gone`);
}

/** Results that are gone were carried over before. One that was written anew since is left where it names what goes. */
async function readBack(whose: Whose, options: CallOptions): Promise<CollectList | undefined> {
  const place = placeOf(whose);
  const bytes = await whose.store.get(place, options).catch((error: unknown) => {
    if (codeOf(error) !== 'GR-4004') throw error;
  });
  if (bytes === undefined) return undefined;
  const { version: _v, id: _i, epoch: _e, carried, ...collection } = parseSealed(listSchema, bytes, place);
  const goes = new Set(collection.condemned.map(({ key }) => key));
  const results: KeptResult[] = [];
  await eachOf(carried.length, AT_ONCE, async (number) => {
    const { place: at, madeAt } = carried[number - 1] as (typeof carried)[number];
    const found = await resultAt(whose.store, at, madeAt, options);
    if (found !== undefined && !found.objects.some(({ uri }) => goes.has(uri))) results.push(found);
  });
  return { collection, results };
}

/** Requests under way at a time. */
export const AT_ONCE = 8;
