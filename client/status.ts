import type { Client } from '@temporalio/client';
import { type Delivered, readDelivered } from '../lake/delivered.js';
import type { ObjectStore } from '../lake/types.js';
import { type Published, type RunRecord, readPublished, readRuns } from './records.js';
import type { RunProgress } from './refreshes.js';

/** A refresh that has not ended. */
export interface OpenRun {
  run: string;
  startedAt: string;
  /** Null while no worker answers. */
  progress: RunProgress | null;
}

export interface PipelineStatus {
  pipeline: string;
  /** What is published now; null where nothing was yet. */
  published: Published | null;
  /** Seconds since the logical time of what is published. */
  ageSeconds: number | null;
  /** The finished run that started last. */
  lastRun: RunRecord | null;
  /** When that one started, ISO 8601. */
  last_run: string | null;
  /** When the engine starts the next refresh by itself; null where it does not, or cannot be asked. */
  next_scheduled_run: string | null;
  /** What was last brought to the database that outputs go to; null where nothing was. */
  delivered: Pick<Delivered, 'generation' | 'at' | 'tables'> | null;
  /** Refreshes under way. */
  running: OpenRun[];
  /** Why the lake could not be read, where it could not. */
  fault?: string;
}

export interface EngineStatus {
  state: 'up' | 'down' | 'silent';
  address?: string;
  /** Address of the web UI. */
  ui?: string;
  /** Worker processes that stay, where they can be counted. */
  workers?: number;
  /** Why it does not answer. */
  reason?: string;
}

export interface Status {
  engine: EngineStatus;
  /** Absolute URI of the store. */
  store: string;
  pipelines: PipelineStatus[];
}

/** Of so many runs with the latest logical times, one was the last to start. */
const RECENT = 8;
/** An engine that does not answer must not keep people from what the lake knows. */
const ENGINE_MS = 3_000;

/** The state of one pipeline from the lake alone. A lake that cannot be read is told of, not thrown. */
export async function lakeStatus(store: ObjectStore, pipeline: string, now: number): Promise<PipelineStatus> {
  const status: PipelineStatus = {
    ...{ pipeline, published: null, ageSeconds: null, lastRun: null, running: [] },
    ...{ last_run: null, next_scheduled_run: null, delivered: null },
  };
  try {
    const [current, runs, brought] = await Promise.all([
      readPublished(store, pipeline),
      readRuns(store, pipeline, { limit: RECENT }),
      readDelivered(store, pipeline),
    ]);
    const [lastRun] = runs.sort((a, b) => Date.parse(b.started) - Date.parse(a.started));
    const last = { lastRun: lastRun ?? null, last_run: lastRun?.started ?? null };
    if (current === undefined) return { ...status, ...last };
    const { outputs: _, ...published } = current;
    const ageSeconds = Math.max(0, Math.round((now - Date.parse(published.logicalTime)) / 1000));
    const delivered =
      brought === undefined ? null : { generation: brought.generation, at: brought.at, tables: brought.tables };
    return { ...status, published, ageSeconds, delivered, ...last };
  } catch (error) {
    return { ...status, fault: error instanceof Error ? error.message : String(error) };
  }
}

/** What runs now, by pipeline; 'silent' where the engine does not answer in time. */
export async function openRuns(client: Client, pipeline?: string): Promise<Map<string, OpenRun[]> | 'silent'> {
  const look = async (): Promise<Map<string, OpenRun[]>> => {
    // Loaded only where there is an engine: the SDK takes half a second that most looks need not wait.
    const { openRefreshes } = await import('./refreshes.js');
    const refreshes = await openRefreshes(client, pipeline);
    const runs = await Promise.all(
      refreshes.map(async ({ run, startedAt, pipeline: name, progress }) => ({
        name,
        open: { run, startedAt, progress: (await progress()) ?? null },
      })),
    );
    const found = new Map<string, OpenRun[]>();
    for (const { name, open } of runs) found.set(name, [...(found.get(name) ?? []), open]);
    return found;
  };
  // Calls that are given up are ended: their connection may be closed soon.
  return client.withAbortSignal(AbortSignal.timeout(ENGINE_MS), look).catch(() => 'silent');
}

/** When the engine refreshes pipelines next by itself; none of those that it does not answer for. */
export async function nextRuns(client: Client, pipelines: readonly string[]): Promise<Map<string, string | null>> {
  const look = async (): Promise<Map<string, string | null>> => {
    const { nextStart } = await import('./schedules.js');
    return new Map(await Promise.all(pipelines.map(async (name) => [name, await nextStart(client, name)] as const)));
  };
  return client.withAbortSignal(AbortSignal.timeout(ENGINE_MS), look).catch(() => new Map());
}
