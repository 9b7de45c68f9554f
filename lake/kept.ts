import { codeOf, GeorefreshError } from '../config/errors.js';
import { type HistoryEntry, readHistory } from './history.js';
import type { Manifest } from './manifest.js';
import { type Pointer, readPointer, type SnapshotRef } from './pointer.js';
import { floorOf } from './reachable.js';
import { readManifest } from './read-manifest.js';
import type { CallOptions, ObjectStore } from './types.js';

/** A published snapshot that is kept. */
export interface KeptSnapshot {
  /** Without a generation where it was made for an earlier time, beside what was published. */
  ref: Omit<SnapshotRef, 'generation'> & { generation: number | null };
  manifest: Manifest;
  /**
   * The logical time from which on it was what a pipeline stood for, ISO 8601. Of a rollback that of the generation that it
   * left: it corrects what was known for that time.
   */
  from: string;
}

/** A snapshot without its manifest. */
type Place = Omit<KeptSnapshot, 'manifest'>;

/** How often a walk begins anew that a collection overtook. */
const WALKS = 3;

/** How many kept generations an error tells one by one. */
const TOLD = 8;

const GENERATION = /^g?(\d{1,9})$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:\d{2})?$/;
const STAMP = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/**
 * An instant as people write it, in milliseconds since the epoch: `2026-02-20T14:30Z`, without a zone in UTC, as a stamp
 * `20260220T143022Z`, or a day, which stands for all of it. Undefined where the text is none.
 */
export function instantOf(text: string): number | undefined {
  const [, ...stamp] = STAMP.exec(text) ?? [];
  const [, day, clock, zone = 'Z'] = TIME.exec(text) ?? [];
  let iso: string | undefined;
  if (DAY.test(text)) iso = `${text}T23:59:59.999Z`;
  else if (stamp.length > 0) iso = `${stamp.slice(0, 3).join('-')}T${stamp.slice(3).join(':')}Z`;
  else if (day !== undefined) iso = `${day}T${clock}${zone}`;
  const instant = iso === undefined ? Number.NaN : Date.parse(iso);
  return Number.isNaN(instant) ? undefined : instant;
}

/** What the newest snapshot is asked to be. */
type Fits = (kept: Place) => boolean;

/** `current`, `previous`, a generation (`7`, `g7`), a snapshot's folder, or a time: the newest that stood for it or for a time before. */
function fitOf(asOf: string, pointer: Pointer): Fits {
  if (asOf === 'current') return ({ ref }) => ref.generation !== null;
  if (asOf === 'previous') return ({ ref }) => ref.generation !== null && ref.generation < pointer.generation;
  const generation = GENERATION.exec(asOf)?.[1];
  if (generation !== undefined) return ({ ref }) => ref.generation === Number(generation);
  const instant = instantOf(asOf);
  if (instant !== undefined) return ({ from }) => Date.parse(from) <= instant;
  const folder = asOf.replace(/\/+$/, '');
  return ({ ref }) => folder !== '' && `/${ref.snapshot}`.endsWith(`/${folder}`);
}

/**
 * The snapshot that `asOf` means, looked for from the current one back along its predecessors (see `fitOf`).
 *
 * GR-4003 where nothing was published yet; GR-4010 where none fits, with those that are kept; GR-4004, GR-4005 or GR-4006
 * where a manifest on the way is gone or was altered, as what is behind it cannot be found.
 */
export async function findKept(
  store: ObjectStore,
  pipeline: string,
  asOf = 'current',
  options: CallOptions = {},
): Promise<KeptSnapshot> {
  for (let walk = 1; ; walk++) {
    const state = await readPointer(store, pipeline, options);
    if (state === undefined) throw new GeorefreshError('GR-4003', pipeline);
    const fits = fitOf(asOf, state.pointer);
    const seen: Place[] = [];
    try {
      const beside = (await readHistory(store, pipeline, options)).reverse();
      const besides = (from: string): HistoryEntry[] => {
        const count = beside.findIndex(({ logicalTime }) => Date.parse(logicalTime) <= Date.parse(from));
        return beside.splice(0, count < 0 ? beside.length : count);
      };
      const fitting = async (entries: readonly HistoryEntry[]): Promise<KeptSnapshot | undefined> => {
        for (const entry of entries) {
          const { logicalTime: from, ...ref } = entry;
          const place = { ref: { ...ref, generation: null }, from };
          if (!fits(place)) seen.push(place);
          else return { ...place, manifest: await readManifest(store, entry, options) };
        }
        return undefined;
      };
      // By time, from the latest back: a time of its own that was made later, beside, stands between its neighbours.
      for await (const kept of keptSnapshots(store, state.pointer, options)) {
        const between = await fitting(besides(kept.from));
        if (between !== undefined) return between;
        if (fits(kept)) return kept;
        seen.push(kept);
      }
      const oldest = await fitting(beside);
      if (oldest !== undefined) return oldest;
    } catch (error) {
      if (walk === WALKS || codeOf(error) !== 'GR-4004' || !(await hasMoved(store, state.pointer, options)))
        throw error;
      continue;
    }
    throw new GeorefreshError('GR-4010', `${noneFits(asOf)} of ${pipeline}; kept ${keptText(seen)}`);
  }
}

/** The kept snapshots, newest first. */
async function* keptSnapshots(
  store: ObjectStore,
  pointer: Pointer,
  options: CallOptions = {},
): AsyncGenerator<KeptSnapshot & { ref: SnapshotRef }> {
  const floor = floorOf(pointer);
  /** Rollbacks whose time is that of the first generation before them that is none. */
  let open: { ref: SnapshotRef; manifest: Manifest }[] = [];
  let at: SnapshotRef | null = pointer;
  while (at !== null && at.generation >= floor) {
    const manifest: Manifest = await readManifest(store, at, options);
    open.push({ ref: at, manifest });
    if (manifest.restored === undefined) {
      for (const kept of open) yield { ...kept, from: manifest.logicalTime };
      open = [];
    }
    at = manifest.predecessor;
  }
  // What they left was collected: what they stand for themselves is all that is known.
  for (const kept of open) yield { ...kept, from: kept.manifest.logicalTime };
}

/** Whether the pointer is another one by now: a collection may have taken what the old one led to. */
async function hasMoved(
  store: ObjectStore,
  { pipeline, collection, nonce }: Pointer,
  options: CallOptions,
): Promise<boolean> {
  const now = (await readPointer(store, pipeline, options))?.pointer;
  return now?.nonce !== nonce || now.collection?.epoch !== collection?.epoch;
}

const noneFits = (asOf: string): string =>
  instantOf(asOf) === undefined ? `there is no ${JSON.stringify(asOf)}` : `nothing was published for ${asOf} or before`;

const placeText = ({ ref, from }: Place): string => `${ref.generation ?? 'one beside'} (${from})`;

/** `are 3 (2026-01-03T00:00:00Z) … 12 (…)`, newest first. */
function keptText(seen: readonly Place[]): string {
  const told = seen.slice(0, TOLD).map(placeText);
  const last = seen.length > TOLD ? seen.at(-1) : undefined;
  if (last !== undefined) told.push(`… ${placeText(last)}`);
  return `${seen.length === 1 ? 'is' : 'are'} ${told.join(', ')}`;
}
