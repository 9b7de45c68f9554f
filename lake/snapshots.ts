import { GeorefreshError } from '../config/errors.js';
import { putArtifact } from './artifacts.js';
import { findPublication, followLatest } from './current.js';
import { epochNow } from './epoch.js';
import { type HistoryEntry, keepInHistory } from './history.js';
import { keyOf } from './keys.js';
import type { Lake } from './lake.js';
import { epochOf, type PointerState, readPointer, refOf, type SnapshotRef } from './pointer.js';
import { contentOf, movePointer, type SnapshotContent, writeSnapshot } from './snapshot-files.js';
import type { Artifact, CallOptions } from './types.js';

/** Attempts at the pointer before a publication gives way; each lost one means that another was published. */
const ATTEMPTS = 8;

export interface PublishInput extends SnapshotContent {
  /** Where a later time is current, it is kept beside what is published in the place of being superseded. */
  archive?: boolean;
}

/**
 * - `published`: `snapshot` is current, or was until a later run took over; also where an earlier attempt of the run did it.
 * - `unchanged`: the current snapshot has the same logical time and content. - `superseded`: it has a later logical time.
 * - `held`: nothing may be published until it is released. - `archived`: it is kept as the snapshot of its own, earlier time.
 */
export type Published =
  | { outcome: 'published'; generation: number; snapshot: SnapshotRef; again: boolean }
  | { outcome: 'unchanged' | 'superseded' | 'held'; generation: number; snapshot: SnapshotRef }
  | { outcome: 'archived'; generation: null; snapshot: HistoryEntry };

/**
 * Publishes a run's files as a snapshot: the files, then the manifest, in a folder that is this attempt's alone; then
 * the pointer by compare-and-swap; then what people see follows. Readers see the old snapshot or the new one, whole.
 *
 * Repeating it is harmless. An attempt whose answer was lost is not a failed one: the pointer is read back, and the
 * run's own publication is recognised there or along its predecessors. GR-7001 where others win every attempt.
 */
export async function publishSnapshot(input: PublishInput, options: CallOptions = {}): Promise<Published> {
  const { store } = input.lake;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = await readPointer(store, input.pipeline, options);
    const settled = await outcomeSoFar(input, current, options);
    if (settled !== undefined) {
      await followLatest(store, input.pipeline, options);
      if (settled.outcome !== 'superseded' || input.archive !== true) return settled;
      return { outcome: 'archived', generation: null, snapshot: await keepInHistory(input, options) };
    }
    assertSameEpoch(input, current);
    const pointer = await writeSnapshot(input, current?.pointer, options);
    if (await movePointer(input, pointer, current, options)) {
      await followLatest(store, input.pipeline, options);
      return { outcome: 'published', generation: pointer.generation, snapshot: refOf(pointer), again: false };
    }
  }
  throw new GeorefreshError(
    'GR-7001',
    `${input.pipeline} was published by others ${ATTEMPTS} times while run ${input.run} tried`,
  );
}

/** A run that was given up, and collected after, may wake up and go on: what it had made is no longer to be counted on. */
function assertSameEpoch({ pipeline, run }: PublishInput, current: PointerState | undefined): void {
  const epoch = epochOf(current?.pointer);
  if (epoch !== epochNow())
    throw new GeorefreshError('GR-7002', `run ${run} of ${pipeline} began in epoch ${epochNow()}, and it is ${epoch}`);
}

/** What the pointer as it stands means for this run; undefined where the run is to publish. */
async function outcomeSoFar(
  input: PublishInput,
  current: PointerState | undefined,
  options: CallOptions,
): Promise<Published | undefined> {
  if (current === undefined) return undefined;
  const { pointer } = current;
  const own = await findPublication(input.lake.store, pointer, input.run, options);
  if (own !== undefined) return { outcome: 'published', generation: own.generation, snapshot: own, again: true };
  const standing = { generation: pointer.generation, snapshot: refOf(pointer) };
  if (pointer.hold !== null) return { outcome: 'held', ...standing };
  const [mine, theirs] = [Date.parse(input.logicalTime), Date.parse(pointer.logicalTime)];
  if (mine < theirs) return { outcome: 'superseded', ...standing };
  if (mine === theirs && pointer.content === contentOf(input)) return { outcome: 'unchanged', ...standing };
  return undefined;
}

/** Keeps bytes (a report, metrics) as an object under the pipeline's predictions, ready to be published. */
export const putOutput = (
  lake: Pick<Lake, 'store'>,
  pipeline: string,
  bytes: Uint8Array,
  ext: string,
  options: CallOptions = {},
): Promise<Artifact> => putArtifact(lake.store, keyOf('lake', pipeline, 'predictions'), bytes, ext, options);
