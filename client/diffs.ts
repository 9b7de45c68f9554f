import type { FrozenDefinition } from '../activities/resolve/frozen.js';
import type { Pipeline } from '../config/definition/pipeline.js';
import { GeorefreshError } from '../config/errors.js';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { fetchJson } from '../lake/artifacts.js';
import { findSnapshots, type Snapshot } from '../lake/diff-snapshots.js';
import type { CallOptions, ObjectStore } from '../lake/types.js';
import type { SnapshotSide } from './diff-moves.js';
import { compareTables, type OutputDiff } from './diff-outputs.js';
import { withLake } from './queries.js';

export interface DiffRequest extends CallOptions {
  /** `current`, `previous`, a generation, or the name of a snapshot's folder. Default: `previous`. */
  before?: string;
  /** Default: `current`. */
  after?: string;
  /** Names of outputs; default: all tables. */
  outputs?: readonly string[];
  /** Columns that name a row; default: what the definition says. Without `outputs`: only the tables with this key. */
  key?: readonly string[];
  /** So many rows of each kind are told one by one. Default 10, at most 1000. */
  top?: number;
  /** Only rows that stood among the first so many, before or after, are told one by one. */
  within?: number;
}

/** One of the two snapshots. */
export interface DiffSide {
  generation: number;
  run: string;
  logicalTime: string;
  /** Folder of the files, relative to the store. */
  snapshot: string;
  champion: string | null;
  modelVersion: string | null;
  sample: boolean;
}

export interface SourceDiff {
  name: string;
  /** Null where there was none. */
  before: { sha256: string; rows: number } | null;
  after: { sha256: string; rows: number } | null;
}

/** How two published snapshots of a pipeline differ, and why. */
export interface SnapshotDiff {
  pipeline: string;
  before: DiffSide;
  after: DiffSide;
  /** No table that was compared differs. */
  equal: boolean;
  /** The frozen definition is another one, parameters included. */
  definitionChanged: boolean;
  parameters: { name: string; before: unknown; after: unknown }[];
  /** Sources whose bytes differ. */
  sources: SourceDiff[];
  /** Rows put aside by rule, where the number differs. */
  quarantine: { rule: string; before: number; after: number }[];
  /** Every figure of each model and baseline, also those that are the same; null where it is not defined. */
  metrics: { model: string; metric: string; before: number | null; after: number | null }[];
  tables: OutputDiff[];
}

const TOP = 10;

/**
 * Compares two published snapshots of a pipeline. Only reads; runs without an engine.
 *
 * GR-4003 where nothing was published, GR-4010 where there is no such snapshot, GR-4004 and GR-4005 where an object is gone
 * or was altered, GR-1001 where an output or key is not known, GR-2105 where the key does not name one row.
 */
export async function diffSnapshots(
  store: ObjectStore,
  settings: ReadonlyDeep<Pick<Settings, 'home' | 'scratch' | 'compute'>>,
  pipeline: string,
  request: DiffRequest = {},
): Promise<SnapshotDiff> {
  const { before = 'previous', after = 'current', top = TOP, ...rest } = request;
  if (!(Number.isInteger(top) && top >= 0 && top <= 1000))
    throw new GeorefreshError('GR-1001', `top is ${top}, not a whole number from 0 to 1000`);
  const [old, now] = (await findSnapshots(store, pipeline, [before, after], request)) as [Snapshot, Snapshot];
  const sides = {
    before: { manifest: old.manifest, definition: await definitionOf(store, old, request) },
    after: { manifest: now.manifest, definition: await definitionOf(store, now, request) },
  };
  return withLake(store, settings, async (lake) => {
    const tables = await compareTables(lake, sides, { ...rest, top });
    return {
      pipeline,
      before: sideOf(old),
      after: sideOf(now),
      equal: tables.every(({ state }) => state === 'equal'),
      ...differences(sides),
      tables,
    };
  });
}

async function definitionOf(store: ObjectStore, { ref, manifest }: Snapshot, options: CallOptions): Promise<Pipeline> {
  if (manifest.definition === null)
    throw new GeorefreshError('GR-4006', `${ref.manifest.uri} names no definition`, {
      where: [{ file: ref.manifest.uri }],
    });
  return (await fetchJson<FrozenDefinition>(store, manifest.definition, options)).pipeline;
}

const sideOf = ({ ref, manifest }: Snapshot): DiffSide => ({
  generation: ref.generation,
  run: manifest.run,
  logicalTime: manifest.logicalTime,
  snapshot: ref.snapshot,
  champion: manifest.champion,
  modelVersion: manifest.model === null ? null : String(manifest.model.version),
  sample: manifest.sample,
});

/** What is told of the manifests alone. */
function differences({
  before: { manifest: old },
  after: { manifest: now },
}: Record<'before' | 'after', SnapshotSide>) {
  const parameters = pairs(old.parameters, now.parameters);
  const sources = pairs(
    Object.fromEntries(old.sources.map((source) => [source.name, source])),
    Object.fromEntries(now.sources.map((source) => [source.name, source])),
  );
  const source = (one: { sha256: string; rows: number } | undefined): SourceDiff['before'] =>
    one === undefined ? null : { sha256: one.sha256, rows: one.rows };
  return {
    definitionChanged: old.definition?.sha256 !== now.definition?.sha256,
    parameters: parameters
      .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after))
      .map(({ name, before = null, after = null }) => ({ name, before, after })),
    sources: sources
      .filter(({ before, after }) => before?.sha256 !== after?.sha256)
      .map(({ name, before, after }) => ({ name, before: source(before), after: source(after) })),
    quarantine: pairs(old.quarantine, now.quarantine)
      .map(({ name, before = 0, after = 0 }) => ({ rule: name, before, after }))
      .filter(({ before, after }) => before !== after),
    metrics: pairs(figuresOf(old.metrics), figuresOf(now.metrics)).flatMap(({ name: model, before, after }) =>
      pairs(before ?? {}, after ?? {}).map(({ name: metric, before: from = null, after: to = null }) => ({
        ...{ model, metric, before: from, after: to },
      })),
    ),
  };
}

type Figures = Record<string, Record<string, number | null>>;

/** Models first, then baselines, as in metrics.json. */
const figuresOf = (metrics: SnapshotSide['manifest']['metrics']): Figures => {
  const { models = {}, baselines = {} } = (metrics ?? {}) as { models?: Figures; baselines?: Figures };
  return { ...models, ...baselines };
};

/** Two records side by side: the names of the later one in its order, then those that only the earlier one has. */
const pairs = <T>(before: Record<string, T>, after: Record<string, T>): { name: string; before?: T; after?: T }[] =>
  [...new Set([...Object.keys(after), ...Object.keys(before)])].map((name) => ({
    name,
    ...(Object.hasOwn(before, name) && { before: before[name] as T }),
    ...(Object.hasOwn(after, name) && { after: after[name] as T }),
  }));
