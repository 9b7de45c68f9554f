import { GeorefreshError } from '../config/errors.js';
import { readCurrent } from '../lake/current.js';
import type { Manifest } from '../lake/manifest.js';
import type { Hold } from '../lake/pointer.js';
import { listRuns, readRun } from '../lake/runs.js';
import type { ObjectStore } from '../lake/types.js';
import { placeOf } from './store.js';

/** A run as its manifest tells of it. */
export interface RunRecord {
  pipeline: string;
  run: string;
  outcome: string;
  logicalTime: string;
  trigger: string;
  started: string;
  /** Null while it runs. */
  finished: string | null;
  seconds: number | null;
  rowsIn: number | null;
  quarantined: number;
  generation: number | null;
  modelVersion: string | null;
  sample: boolean;
  error: { code: string; message: string } | null;
}

export interface RunFilter {
  outcome?: string;
  /** Only runs that started at or after this time, ISO 8601. */
  since?: string;
  /** Default 50. */
  limit?: number;
}

/** A file of the current snapshot. */
export interface PublishedOutput {
  pipeline: string;
  name: string;
  /** Absolute path where the store is a folder, else a URI. */
  place: string;
  /** Of the file in the store. */
  key: string;
  rows: number | null;
  bytes: number;
  sha256: string;
}

/** What is published of a pipeline. */
export interface Published {
  generation: number;
  run: string;
  logicalTime: string;
  /** When it was published, ISO 8601. */
  published: string;
  /** Folder of the snapshot, and the one that always follows the newest: absolute paths or URIs. */
  folder: string;
  latest: string;
  champion: string | null;
  modelVersion: string | null;
  sample: boolean;
  /** Who holds it and why: nothing is published until it is released. */
  hold: Hold | null;
  /** The generation whose content this is, where it was gone back to. */
  restored: number | null;
  /** What was found damaged and stepped over. */
  warnings: string[];
}

const LIMIT = 50;
/** A manifest takes a read of its own; so many are under way at once. */
const AT_ONCE = 16;

export const recordOf = (manifest: Manifest): RunRecord => ({
  pipeline: manifest.pipeline,
  run: manifest.run,
  outcome: manifest.outcome,
  logicalTime: manifest.logicalTime,
  trigger: manifest.trigger,
  started: manifest.started,
  finished: manifest.finished,
  seconds: manifest.pipelineMetrics?.duration_seconds ?? null,
  rowsIn: manifest.pipelineMetrics?.records_in ?? null,
  quarantined: Object.values(manifest.quarantine).reduce((sum, rows) => sum + rows, 0),
  generation: manifest.generation,
  modelVersion: manifest.model === null ? null : String(manifest.model.version),
  sample: manifest.sample,
  error: manifest.error,
});

/** Finished runs of a pipeline, latest logical time first. A manifest that cannot be read is left out. */
export async function readRuns(store: ObjectStore, pipeline: string, filter: RunFilter = {}): Promise<RunRecord[]> {
  const { limit = LIMIT, outcome, since } = filter;
  const entries = await listRuns(store, pipeline);
  const found: RunRecord[] = [];
  for (let at = 0; at < entries.length && found.length < limit; at += AT_ONCE) {
    const manifests = await Promise.all(
      entries.slice(at, at + AT_ONCE).map(({ run }) => readRun(store, pipeline, run).catch(() => undefined)),
    );
    for (const manifest of manifests) {
      if (manifest === undefined || (outcome !== undefined && manifest.outcome !== outcome)) continue;
      if (since === undefined || Date.parse(manifest.started) >= Date.parse(since)) found.push(recordOf(manifest));
    }
  }
  return found.slice(0, limit);
}

/** Characters of a run's id that name it at least. */
const SHORTEST = 4;

/** The manifest of the run whose id begins so, among all pipelines; GR-4002 where there is none, or more than one. */
export async function findManifest(
  store: ObjectStore,
  pipelines: readonly string[],
  prefix: string,
): Promise<Manifest> {
  const runs = await Promise.all(pipelines.map((pipeline) => listRuns(store, pipeline)));
  const hits = pipelines.flatMap((pipeline, i) =>
    (runs[i] ?? [])
      .filter(({ run }) => prefix.length >= SHORTEST && run.startsWith(prefix))
      .map(({ run }) => ({ pipeline, run })),
  );
  const [only, ...others] = hits;
  if (only === undefined)
    throw new GeorefreshError(
      'GR-4002',
      prefix.length < SHORTEST ? `${prefix}; give ${SHORTEST} characters at least` : prefix,
    );
  if (others.length > 0)
    throw new GeorefreshError('GR-4002', `${prefix} begins the ids of ${hits.length} runs; give more of it`);
  return readRun(store, only.pipeline, only.run);
}

/** What is published now; undefined where nothing is. */
export async function readPublished(
  store: ObjectStore,
  pipeline: string,
): Promise<(Published & { outputs: PublishedOutput[] }) | undefined> {
  const current = await readCurrent(store, pipeline);
  if (current === undefined) return undefined;
  const { pointer, snapshot, manifest, warnings } = current;
  return {
    generation: snapshot.generation,
    run: snapshot.run,
    logicalTime: manifest.logicalTime,
    published: manifest.finished,
    folder: placeOf(store, snapshot.snapshot),
    latest: placeOf(store, `outputs/${pipeline}/latest`),
    champion: manifest.champion,
    modelVersion: manifest.model === null ? null : String(manifest.model.version),
    sample: manifest.sample,
    hold: pointer.hold,
    restored: manifest.restored?.generation ?? null,
    warnings,
    outputs: manifest.outputs.map(({ name, uri, rows, bytes, sha256 }) => ({
      pipeline,
      name,
      place: placeOf(store, uri),
      key: uri,
      rows,
      bytes,
      sha256,
    })),
  };
}
