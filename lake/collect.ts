import { GeorefreshError } from '../config/errors.js';
import { batchesOf, readBatch } from './batch.js';
import { AT_ONCE, type CollectList, listOnce } from './collect-list.js';
import { type Condemned, condemnedOf } from './condemned.js';
import { beginHistoryEpoch, type HistoryEntry, keptEntries, readHistory } from './history.js';
import type { Lake } from './lake.js';
import { listModels } from './models.js';
import { listOverlays } from './overlays.js';
import { epochOf, type Pointer, type PointerState, readPointer, swapPointer } from './pointer.js';
import { chainOf, floorOf, keptObjects } from './reachable.js';
import { floorsOf, type Retention } from './retention.js';
import { carryOver, type KeptResult, resultsOf } from './reuse.js';
import { eachOf } from './slots.js';
import type { CallOptions } from './types.js';

/** Attempts at the pointer; each lost one means that something was published meanwhile. */
const ATTEMPTS = 8;

export interface CollectInput {
  lake: Pick<Lake, 'store'>;
  pipeline: string;
  retention: Retention;
  /** Milliseconds since the epoch; ages are counted to it. */
  now: number;
}

/** What stays, and what goes or went. */
export interface Collection {
  pipeline: string;
  /** The oldest and the newest generation that stay, and how many there are. */
  floor: number;
  generation: number;
  snapshots: number;
  /** Results of steps that stay for later runs. */
  results: number;
  condemned: Condemned[];
  bytes: number;
}

/** What a collection would do now. Only reads. Undefined where nothing was published yet. */
export async function planCollection(input: CollectInput, options: CallOptions = {}): Promise<Collection | undefined> {
  const state = await readPointer(input.lake.store, input.pipeline, options);
  if (state === undefined) return undefined;
  const history = await readHistory(input.lake.store, input.pipeline, options);
  const kept = keptEntries(history, input.retention, input.now);
  return (await survey(input, state.pointer, epochOf(state.pointer) + 1, kept, options)).collection;
}

/**
 * Deletes what retention lets go, in two phases. First a new epoch is begun, by the same compare-and-swap as a
 * publication: from then on no run that began before can publish, and nobody writes a name that may be condemned. Then
 * it is looked what is reachable, that is written down, and what is not is deleted.
 *
 * However late a delete is carried out, by a worker that was frozen or a request that was lost: the names of an epoch
 * that has ended are never given again. Repeating a collection, also in the middle or beside an attempt that is still
 * at work, is harmless: all attempts go by the list that the first wrote. It must have the pipeline's turn, as a run
 * must: a run that it overtakes cannot publish (GR-7002), nor does it delete when a later one has overtaken it.
 *
 * GR-4004, GR-4005 or GR-4006 where a manifest that stays cannot be read, as what it names is not known then; nothing is
 * deleted. GR-7001 where others publish at every attempt.
 */
export async function collect(
  input: CollectInput & { id: string; onProgress?: (done: number, total: number) => void },
  options: CallOptions = {},
): Promise<Collection | undefined> {
  const { lake, pipeline, id } = input;
  const begun = await beginEpoch(input, options);
  if (begun === undefined) return undefined;
  const epoch = epochOf(begun);
  const look = async (): Promise<CollectList> => {
    const history = await beginHistoryEpoch(lake.store, pipeline, { epoch, ...input }, options);
    return survey(input, begun, epoch, history, options);
  };
  const { collection, results } = await listOnce({ store: lake.store, pipeline, id, epoch }, look, options);
  await inLanes(results, (result) => carryOver(lake, pipeline, epoch, result, options));
  let done = 0;
  await inLanes(results, ({ place }) => lake.store.delete(place, options));
  await inLanes(collection.condemned, async ({ key }) => {
    await lake.store.delete(key, options);
    input.onProgress?.(++done, collection.condemned.length);
  });
  return collection;
}

/** Moves the pointer to a new epoch; what it shows stays. Undefined where there is none. */
async function beginEpoch(
  { lake: { store }, pipeline, retention, now, id }: CollectInput & { id: string },
  options: CallOptions,
): Promise<Pointer | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const state = await readPointer(store, pipeline, options);
    if (state === undefined) return undefined;
    const { pointer } = state;
    // An earlier attempt of this collection began it, also where its answer was lost.
    if (pointer.collection?.id === id) return pointer;
    const chain = await chainOf(store, pointer, floorOf(pointer), options);
    const floors = floorsOf(chain, retention, now);
    const layers = { ...pointer.collection?.layers, ...floors.layers };
    const next: Pointer = { ...pointer, collection: { epoch: epochOf(pointer) + 1, id, floor: floors.floor, layers } };
    const answer = await attemptSwap(store, next, state, options);
    if (answer !== 'conflict') return next;
  }
  throw new GeorefreshError('GR-7001', `${pipeline} was changed by others ${ATTEMPTS} times before its collection`);
}

/** An error leaves open whether the pointer moved: it is read again, as after a conflict. */
async function attemptSwap(
  store: CollectInput['lake']['store'],
  next: Pointer,
  { version }: PointerState,
  options: CallOptions,
): Promise<'moved' | 'conflict'> {
  try {
    return (await swapPointer(store, next, version, options)) === 'conflict' ? 'conflict' : 'moved';
  } catch (error) {
    options.signal?.throwIfAborted();
    const now = await readPointer(store, next.pipeline, options);
    if (now?.pointer.collection?.id === next.collection?.id) return 'moved';
    throw error;
  }
}

/** What is reachable from a pointer, and what is not, of all that was written before `epoch`. */
async function survey(
  { lake, pipeline, retention, now }: CollectInput,
  pointer: Pointer,
  epoch: number,
  history: readonly HistoryEntry[],
  options: CallOptions,
): Promise<CollectList> {
  const { store } = lake;
  const published = await chainOf(store, pointer, floorOf(pointer), options);
  const floors = floorsOf(published, retention, now);
  const layers = { ...pointer.collection?.layers, ...floors.layers };
  const judged: Pointer = {
    ...pointer,
    collection: { epoch: 0, id: '', ...pointer.collection, floor: floors.floor, layers },
  };
  const chain = published.filter(({ ref }) => ref.generation >= floors.floor);
  const reachable = new Set<string>();
  for (const kept of chain) for (const { uri } of keptObjects(pipeline, judged, kept)) reachable.add(uri);
  for (const { onnx, card } of await listModels(store, pipeline, options)) reachable.add(onnx.uri).add(card.uri);
  for (const { uri } of (await listOverlays(store, pipeline, options)).values()) reachable.add(uri);
  const batches = new Map(chain.flatMap(({ manifest }) => batchesOf(manifest).map((ref) => [ref.uri, ref])));
  for (const ref of batches.values())
    if (reachable.has(ref.uri)) for (const { uri } of (await readBatch(store, ref, options)).files) reachable.add(uri);
  const results: KeptResult[] = [];
  // Of the epoch that ends alone: what a collection before that left behind may be on its list.
  for await (const result of resultsOf(lake, pipeline, epoch - 1, options)) {
    if (now - result.madeAt > retention.results.age && !result.objects.every(({ uri }) => reachable.has(uri))) continue;
    results.push(result);
  }
  for (const { objects } of results) for (const { uri } of objects) reachable.add(uri);
  // So does what runs of the new epoch count on: there are some where this attempt was given up before it looked.
  for await (const { objects } of resultsOf(lake, pipeline, epoch, options))
    for (const { uri } of objects) reachable.add(uri);
  const carried = new Set(results.map(({ place }) => place));
  const all = await condemnedOf(
    { store, pipeline, pointer, epoch, chain, history, reachable, retention, now },
    options,
  );
  // Those that are carried over only lose their old place.
  const condemned = all.filter(({ key }) => !carried.has(key));
  const bytes = condemned.reduce((sum, one) => sum + one.bytes, 0);
  const { generation } = pointer;
  const counts = { snapshots: chain.length, results: results.length };
  return { collection: { pipeline, floor: floors.floor, generation, ...counts, condemned, bytes }, results };
}

const inLanes = <T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> =>
  eachOf(all.length, AT_ONCE, (number) => work(all[number - 1] as T));
