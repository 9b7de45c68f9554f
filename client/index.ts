import type { Client, Connection } from '@temporalio/client';
import type { CollectSummary, DeliverSummary } from '../activities/types.js';
import { GeorefreshError } from '../config/errors.js';
import { listPipelines } from '../config/load.js';
import { readSettings } from '../config/settings.js';
import { bringDefinitions } from '../lake/bring.js';
import type { Manifest } from '../lake/manifest.js';
import type { Hold } from '../lake/pointer.js';
import type { QueryOutcome } from '../lake/query.js';
import type { ResultFormat } from '../lake/query-result.js';
import { releaseHold } from '../lake/release.js';
import type { ObjectStore } from '../lake/types.js';
import type { DeliverRequest, RefreshInput } from '../workflows/messages.js';
import type { Backfill, BackfillRequest } from './backfills.js';
import type { DiffRequest, SnapshotDiff } from './diffs.js';
import { pacingReader } from './pacing.js';
import type { RefreshPlan } from './plans.js';
import type { QueryFile, QueryRequest, QueryResult, QueryTables } from './queries.js';
import {
  findManifest,
  type PublishedOutput,
  type RunFilter,
  type RunRecord,
  readPublished,
  readRuns,
} from './records.js';
import type { Refresh } from './refreshes.js';
import type { Rollback, RollbackRequest } from './rollbacks.js';
import { type Scheduling, schedulingOf } from './scheduling.js';
import type { Signalled } from './signals.js';
import { lakeStatus, nextRuns, openRuns, type Status } from './status.js';
import { openStore } from './store.js';
import type { Views, ViewsRequest } from './views.js';

export type { CollectSummary, DeliverSummary, RunSummary } from '../activities/types.js';
export { ERRORS, type ErrorCode, GeorefreshError } from '../config/errors.js';
export type { Manifest } from '../lake/manifest.js';
export type { Hold } from '../lake/pointer.js';
export type { BackfillProgress, RefreshInput } from '../workflows/messages.js';
export type { Backfill, BackfillRequest } from './backfills.js';
export type { DiffRequest, SnapshotDiff } from './diffs.js';
export type { ExpectedStep, RefreshPlan } from './plans.js';
export type { QueriedSnapshot, QueryFile, QueryRequest, QueryResult, QueryTables } from './queries.js';
export type { Published, PublishedOutput, RunFilter, RunRecord } from './records.js';
export type { Refresh, RunningStep, RunProgress } from './refreshes.js';
export type { Rollback, RollbackRequest } from './rollbacks.js';
export type { AppliedSchedule, ScheduleState } from './schedules.js';
export type { Scheduling } from './scheduling.js';
export type { Signalled } from './signals.js';
export type { EngineStatus, OpenRun, PipelineStatus, Status } from './status.js';

export type { Views, ViewsRequest } from './views.js';

export interface ConnectOptions {
  /** Folder of the installation; default: GEOREFRESH_HOME, else `data` in the project. */
  home?: string;
  /** `host:port` of a Temporal server; default: TEMPORAL_ADDRESS, else the engine that runs for the home. */
  address?: string;
  namespace?: string;
  /** Folder or URI of the lake; default: GEOREFRESH_STORE, else the home. */
  store?: string;
  /** Default: the environment of the process. */
  env?: NodeJS.ProcessEnv;
}

/** An engine to talk to. */
export interface Reached {
  client: Client;
  connection: Connection;
  address: string;
  namespace: string;
  ui?: string;
  workers?: number;
}

/** A client of one installation. It reads the lake by itself; for what runs it asks the engine, if there is one. */
export interface Georefresh {
  readonly store: ObjectStore;
  /** When the engine refreshes by itself. */
  readonly schedules: Scheduling;
  /** Names of the pipelines that are defined, in order. */
  pipelines(): Promise<string[]>;
  /** Starts a refresh. GR-4001 where the pipeline is not defined, GR-5001 where no engine is up. */
  refresh(request: RefreshInput): Promise<Refresh>;
  /** What a refresh would do now, and what it waits for to know the rest. Needs an engine with a worker. */
  plan(request: RefreshInput): Promise<RefreshPlan>;
  /** The refresh with a run id, or a unique beginning of one, while the engine remembers it; else GR-4002. */
  find(run: string): Promise<Refresh>;
  /** How the pipelines, or one of them, stand. Answers without an engine too. */
  status(pipeline?: string): Promise<Status>;
  /** Finished runs from their manifests, latest logical time first. */
  runs(pipeline?: string, filter?: RunFilter): Promise<RunRecord[]>;
  /** The manifest of a finished run, by its id or a unique beginning of it; else GR-4002. */
  show(run: string): Promise<Manifest>;
  /** The files of the current snapshot; GR-4003 where nothing was published yet. */
  outputs(pipeline: string): Promise<PublishedOutput[]>;
  /** How two published snapshots differ, and why; default: the current one and the one before. Errors as of `diffSnapshots`. */
  diff(pipeline: string, request?: DiffRequest): Promise<SnapshotDiff>;
  /** The tables of a kept snapshot; default: the current one. GR-4003, GR-4010 where there is none. */
  tables(pipeline: string, request?: Omit<QueryRequest, 'limit'>): Promise<QueryTables>;
  /**
   * Asks the tables of one kept snapshot, by the names of their outputs, in SQL that reads. What is published, rolled back or
   * collected meanwhile changes nothing in the answer. GR-1007 where the SQL is wrong, GR-4010 where there is no such
   * snapshot, GR-4012 where there is no such table.
   */
  query(pipeline: string, sql: string, request?: QueryRequest): Promise<QueryResult>;
  /** The same, as a file. */
  queryToFile(
    pipeline: string,
    sql: string,
    request: QueryRequest & { output: string; format: ResultFormat },
  ): Promise<QueryFile>;
  /** The same, as a file that goes when `take` is done with it. */
  queryAs<T>(
    pipeline: string,
    sql: string,
    request: QueryRequest & { format: ResultFormat },
    take: (outcome: QueryOutcome, path: string) => Promise<T>,
  ): Promise<T>;
  /** Writes a DuckDB file of views of one kept snapshot, for notebooks and BI tools; on a bucket its rows are copied. */
  views(request: ViewsRequest): Promise<Views>;
  /**
   * Runs the pipeline for each logical time of a range that no run has finished, on a task queue of its own; the same range
   * again goes on where it stopped. Times before what is published become snapshots beside it, which queries read as of
   * then. GR-3005 where another range is under way.
   */
  backfill(request: BackfillRequest): Promise<Backfill>;
  /** The latest backfill of a pipeline, to be followed or cancelled. */
  backfillOf(pipeline: string): Promise<Backfill>;
  /** Asks a refresh to stop; what it published before stays. */
  cancel(run: string): Promise<void>;
  /**
   * Tells a pipeline of new data; resolves when the engine has written it down. Many signals become few refreshes, the last
   * of which begins after the last signal. `fingerprint` names the event: the same one again is dropped. GR-5001 where no
   * engine is up.
   */
  signalNewData(news: { pipeline: string; fingerprint?: string }): Promise<Signalled>;
  /**
   * Publishes an older generation's content as a new generation, and holds the pipeline there. Needs no engine. GR-4003,
   * GR-4009 where there is nothing to go back to, GR-7001 where something was published meanwhile.
   */
  rollback(request: RollbackRequest): Promise<Rollback>;
  /**
   * Brings what is published to the database that outputs are to go to, and waits for that; a refresh and a rollback ask for
   * it by themselves. GR-5010 to GR-5014 where it cannot be done. An abort of `signal` ends the waiting alone.
   */
  deliver(request: DeliverRequest, options?: { signal?: AbortSignal }): Promise<DeliverSummary>;
  /** Lets refreshes publish again: the hold that stood until now, or null. GR-4003 where nothing was published yet. */
  release(pipeline: string): Promise<Hold | null>;
  /**
   * Deletes what retention lets go of a pipeline's lake, in its turn; with `dryRun` only says what, and needs no engine. An
   * abort of `signal` cancels it (GR-3006): what it had not deleted goes with the next one.
   */
  collect(request: { pipeline: string; dryRun?: boolean }, options?: { signal?: AbortSignal }): Promise<CollectSummary>;
  close(): Promise<void>;
}

/**
 * Connects to an installation. Nothing is started: where no engine is up, what needs one fails with GR-5001, and the
 * rest is answered from the lake.
 *
 * @example
 * ```ts
 * import { connect } from 'georefresh/client';
 *
 * const georefresh = await connect({ home: '/srv/georefresh' });
 * const refresh = await georefresh.refresh({ pipeline: 'ev-sites' });
 * const { outcome, outputs } = await refresh.result();
 * await georefresh.close();
 * ```
 */
export async function connect(options: ConnectOptions = {}): Promise<Georefresh> {
  const { home, address, namespace, store } = options;
  const env = {
    ...(options.env ?? process.env),
    ...(home !== undefined && { GEOREFRESH_HOME: home }),
    ...(store !== undefined && { GEOREFRESH_STORE: store }),
    ...(address !== undefined && { TEMPORAL_ADDRESS: address }),
    ...(namespace !== undefined && { TEMPORAL_NAMESPACE: namespace }),
  };
  const settings = await readSettings(env);
  return clientOf(settings, async () => {
    // Finding a home's engine is the business of the one file that knows the workers.
    const { reachEngine } = await import('./embedded.js');
    return reachEngine(settings, env);
  });
}

type Settings = Awaited<ReturnType<typeof readSettings>>;

/** The client on given settings; `reach` finds the engine when it is first needed, or nothing where none is up. */
export async function clientOf(settings: Settings, reach: () => Promise<Reached | undefined>): Promise<Georefresh> {
  bringDefinitions();
  const store = await openStore(settings);
  let reached: Promise<Reached | undefined> | undefined;
  const engine = (): Promise<Reached | undefined> => {
    reached ??= reach();
    return reached;
  };
  const needed = async (): Promise<Client> => {
    const found = await engine();
    if (found === undefined) throw new GeorefreshError('GR-5001', `none is up for ${settings.home}`);
    return found.client;
  };
  const pipelines = async (): Promise<string[]> => (await listPipelines(settings)).map(({ name }) => name);
  const checked = async (pipeline: string | undefined): Promise<string[]> => {
    const known = await pipelines();
    if (pipeline === undefined) return known;
    if (!known.includes(pipeline))
      throw new GeorefreshError('GR-4001', `\`${pipeline}\`; there are ${known.join(', ') || 'none'}`);
    return [pipeline];
  };

  const pacingOf = pacingReader(settings);

  // DuckDB is loaded only where it is asked.
  const queries = () => import('./queries.js');

  const client: Georefresh = {
    store,
    schedules: schedulingOf(settings, needed),
    pipelines,
    async refresh(request) {
      await checked(request.pipeline);
      const { startRefresh } = await import('./refreshes.js');
      return startRefresh(await needed(), request);
    },
    async plan(request) {
      await checked(request.pipeline);
      const { planRefresh } = await import('./plans.js');
      return planRefresh(await needed(), store, request);
    },
    async find(run) {
      const { findRefresh } = await import('./refreshes.js');
      return findRefresh(await needed(), run);
    },
    async status(pipeline) {
      const names = await checked(pipeline);
      const asked = engine().then(
        async (found) => {
          const [open, next] = await Promise.all(
            found ? [openRuns(found.client, pipeline), nextRuns(found.client, names)] : [],
          );
          return { found, open, next };
        },
        (error: unknown) => ({
          found: undefined,
          open: undefined,
          next: undefined,
          reason: error instanceof Error ? error.message : String(error),
        }),
      );
      const [{ found, open, next, ...fault }, ...lake] = await Promise.all([
        asked,
        ...names.map((name) => lakeStatus(store, name, Date.now())),
      ]);
      const { address, ui, workers } = found ?? {};
      const state = found === undefined ? ('reason' in fault ? 'silent' : 'down') : open === 'silent' ? 'silent' : 'up';
      return {
        engine: {
          state,
          ...(address !== undefined && { address }),
          ...(ui !== undefined && { ui }),
          ...(workers !== undefined && { workers }),
          ...fault,
        },
        store: store.base,
        pipelines: lake.map((one) => ({
          ...one,
          running: open instanceof Map ? (open.get(one.pipeline) ?? []) : [],
          next_scheduled_run: next?.get(one.pipeline) ?? null,
        })),
      };
    },
    async runs(pipeline, filter) {
      const names = await checked(pipeline);
      const runs = (await Promise.all(names.map((name) => readRuns(store, name, filter)))).flat();
      return runs
        .sort((a, b) => Date.parse(b.logicalTime) - Date.parse(a.logicalTime))
        .slice(0, filter?.limit ?? runs.length);
    },
    async show(run) {
      return findManifest(store, await pipelines(), run);
    },
    async outputs(pipeline) {
      await checked(pipeline);
      const published = await readPublished(store, pipeline);
      if (published === undefined) throw new GeorefreshError('GR-4003', pipeline);
      return published.outputs;
    },
    async diff(pipeline, request) {
      await checked(pipeline);
      // DuckDB is loaded for this alone.
      const { diffSnapshots } = await import('./diffs.js');
      return diffSnapshots(store, settings, pipeline, request);
    },
    async tables(pipeline, request) {
      await checked(pipeline);
      return (await queries()).queryTables(store, pipeline, request);
    },
    async query(pipeline, sql, request) {
      await checked(pipeline);
      return (await queries()).query(store, settings, pipeline, sql, request);
    },
    async queryToFile(pipeline, sql, request) {
      await checked(pipeline);
      return (await queries()).queryToFile(store, settings, pipeline, sql, request);
    },
    async queryAs(pipeline, sql, request, take) {
      await checked(pipeline);
      return (await queries()).queryAs(store, settings, pipeline, sql, request, take);
    },
    async views(request) {
      await checked(request.pipeline);
      const { writeViews } = await import('./views.js');
      return writeViews(store, settings, request);
    },
    async backfill(request) {
      await checked(request.pipeline);
      const { startBackfill } = await import('./backfills.js');
      return startBackfill(await needed(), request);
    },
    async backfillOf(pipeline) {
      await checked(pipeline);
      const { backfillOf } = await import('./backfills.js');
      return backfillOf(await needed(), pipeline);
    },
    async cancel(run) {
      await (await client.find(run)).cancel();
    },
    async signalNewData({ pipeline, fingerprint }) {
      const pacing = await pacingOf(pipeline);
      const { signalNewData } = await import('./signals.js');
      return signalNewData(await needed(), pipeline, pacing, fingerprint);
    },
    async rollback(request) {
      await checked(request.pipeline);
      // Loaded only where it is wanted, as it takes what copies files.
      const { goBack } = await import('./rollbacks.js');
      const done = await goBack(store, settings, request);
      const { delivers, askForDelivery } = await import('./deliveries.js');
      if (done.generation === null || !(await delivers(settings, request.pipeline))) return done;
      // What was gone back to stands whatever becomes of this: the next delivery brings it.
      const asked = engine().then(async (found) => {
        if (found === undefined) return 'open' as const;
        await askForDelivery(found.client, { pipeline: request.pipeline });
        return 'asked' as const;
      });
      return { ...done, delivery: await asked.catch(() => 'open' as const) };
    },
    async deliver(request, options) {
      await checked(request.pipeline);
      const { askForDelivery } = await import('./deliveries.js');
      return (await askForDelivery(await needed(), request)).result(options);
    },
    async release(pipeline) {
      await checked(pipeline);
      return releaseHold(store, pipeline);
    },
    async collect({ pipeline, dryRun = false }, options) {
      await checked(pipeline);
      const { collectPipeline, plannedCollection } = await import('./collections.js');
      return dryRun
        ? plannedCollection(store, settings, pipeline)
        : collectPipeline(await needed(), settings, pipeline, options);
    },
    async close() {
      const found = await reached?.catch(() => undefined);
      await found?.connection.close();
      store.close?.();
    },
  };
  return client;
}
