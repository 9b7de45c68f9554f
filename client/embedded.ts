import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { GeorefreshError } from '../config/errors.js';
import type { readSettings } from '../config/settings.js';
import { type EngineConnection, externalEngine } from '../workers/engine/external.js';
import { LOOPBACK } from '../workers/engine/health.js';
import { withLock } from '../workers/engine/lock.js';
import { isAlive, ownProcess, type ProcessId } from '../workers/engine/process.js';
import { readJson, writeJson } from '../workers/engine/state.js';
import {
  connectOrStart,
  type Engine,
  type EngineProgress,
  enginePaths,
  readAliveRecord,
  resolveBinary,
  superviseEngine,
} from '../workers/engine.js';
import type { Role } from '../workers/roles.js';
import { startFleet } from './fleet.js';
import { clientOf, type Georefresh, type Reached } from './index.js';
import { unpolledQueues } from './pollers.js';
import { tendWorkers } from './tend.js';

export type Settings = Awaited<ReturnType<typeof readSettings>>;
export type { EngineProgress };

export interface EmbeddedOptions {
  settings: Settings;
  env: NodeJS.ProcessEnv;
  log: Logger;
  /** Told what takes long while an engine is made ready. */
  onProgress?(progress: EngineProgress): void;
  /** Told what people should know: no workers there, an engine that was restarted. */
  onNotice?(text: string): void;
  signal?: AbortSignal;
}

/** A worker process of a home, as it describes itself. */
export interface WorkerRecord extends ProcessId {
  roles: Role[];
}

const ROLES: readonly Role[] = ['workflows', 'io', 'compute', 'backfill'];
const REACH_MS = 3_000;
const LOCK_WAIT_MS = 10_000;

const workersFolder = (home: string): string => join(enginePaths(home).folder, 'workers');

/** Worker processes of a home that live. Those that a command starts for its own life are not among them. */
export async function liveWorkers(home: string): Promise<WorkerRecord[]> {
  const folder = workersFolder(home);
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const records = await Promise.all(
    files.map((name) => readJson<WorkerRecord>(join(folder, name)).catch(() => undefined)),
  );
  return records.filter((record) => record !== undefined && isAlive(record)) as WorkerRecord[];
}

/** The engine that settings or environment name, else the one that runs for the home; undefined where none does. */
async function locate(
  settings: Settings,
  env: NodeJS.ProcessEnv,
): Promise<{ connection: EngineConnection; namespace: string; ui?: string } | undefined> {
  const external = await externalEngine(engineEnv(settings, env));
  if (external !== undefined) return external;
  const record = await readAliveRecord(settings.home);
  if (record === undefined) return undefined;
  const { port, uiPort, namespace } = record;
  return { connection: { address: `${LOOPBACK}:${port}` }, namespace, ui: `http://${LOOPBACK}:${uiPort}` };
}

/** The settings file may name an engine too; what connects to it reads the environment. */
const engineEnv = ({ engine }: Settings, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  ...(engine.address !== undefined && { TEMPORAL_ADDRESS: engine.address }),
  TEMPORAL_NAMESPACE: engine.namespace,
});

async function open(connection: EngineConnection, namespace: string): Promise<Reached> {
  try {
    const opened = await Connection.connect({ ...connection, connectTimeout: REACH_MS });
    return {
      client: new Client({ connection: opened, namespace }),
      connection: opened,
      address: connection.address,
      namespace,
    };
  } catch (error) {
    throw new GeorefreshError('GR-5001', `nothing answers at ${connection.address}`, { cause: error });
  }
}

/** Connects to the engine that runs; undefined where none does. Starts nothing. GR-5001 where it does not answer. */
export async function reachEngine(settings: Settings, env: NodeJS.ProcessEnv): Promise<Reached | undefined> {
  const found = await locate(settings, env);
  if (found === undefined) return undefined;
  const { connection, namespace, ui } = found;
  const workers = ui === undefined ? undefined : (await liveWorkers(settings.home)).length;
  return {
    ...(await open(connection, namespace)),
    ...(ui !== undefined && { ui }),
    ...(workers !== undefined && { workers }),
  };
}

/** Where an engine would come from if one were needed now. */
export async function prospectOf(env: NodeJS.ProcessEnv): Promise<{ text: string; ready: boolean }> {
  const quiet = { info: () => undefined, warn: () => undefined };
  try {
    const { server, path, source } = await resolveBinary({ env, log: quiet, sources: ['path', 'cache'] });
    return { text: `${server} (${source}: ${path}), started when needed`, ready: true };
  } catch {
    return {
      text: 'none here yet: it is downloaded, or built with Go (minutes, once), when first needed',
      ready: false,
    };
  }
}

/**
 * Gives `work` a client of an engine with workers: those that run, or else ones that live as long as `work`. A dead
 * engine is restarted meanwhile, and workers that end are replaced. An engine that runs elsewhere has workers of its own.
 */
export async function withEngine<T>(
  options: EmbeddedOptions,
  work: (client: Georefresh, engine: Engine) => Promise<T>,
): Promise<T> {
  const { settings, env, log, onProgress, onNotice = () => undefined, signal } = options;
  const { home } = settings;
  const isOurs = settings.engine.address === undefined;
  const missingRoles = async (): Promise<Role[]> => {
    const live = (await liveWorkers(home)).flatMap(({ roles }) => roles);
    return ROLES.filter((role) => !live.includes(role));
  };
  // Loading the workers takes as long as starting the engine: both at once. A fault there shows when they are started.
  if (isOurs && (await missingRoles()).length > 0) void import('../workers/roles.js').catch(() => undefined);
  const engine = await connectOrStart({ home, log, env: engineEnv(settings, env), onProgress, signal });
  const { failed, fail } = failure();
  const ending: (() => Promise<unknown>)[] = [() => engine.release()];
  try {
    const { connection, namespace } = engine;
    const reached = await open(connection, namespace);
    ending.unshift(() => reached.connection.close());
    if (isOurs) {
      const supervisor = superviseEngine({
        home,
        log,
        onFailure: fail,
        onRestart: () => onNotice('the engine had died and was started again'),
      });
      ending.unshift(() => supervisor.stop());
      const start = async (roles: Role[]) => {
        const [{ startWorkers }, { installRuntime }] = await Promise.all([
          import('../workers/roles.js'),
          import('../workers/runtime.js'),
        ]);
        installRuntime(log);
        return startWorkers({ connection, namespace, settings, log, roles });
      };
      const tended = await tendWorkers({ missingRoles, start, log, onFailure: fail });
      ending.unshift(() => tended.stop());
    } else {
      const unpolled = await unpolledQueues(reached.connection, namespace);
      if (unpolled.length > 0)
        onNotice(
          `no worker polls ${unpolled.join(', ')} at ${connection.address}; runs wait there until one does (georefresh up starts some)`,
        );
    }
    const client = await clientOf(settings, () =>
      Promise.resolve({ ...reached, ...(engine.ui !== undefined && { ui: engine.ui }) }),
    );
    return await Promise.race([work(client, engine), failed]);
  } finally {
    // Workers first, the engine last: what they end with is still written down.
    for (const end of ending) await end().catch((error: unknown) => log.warn({ err: error }, 'an end was not clean'));
  }
}

/** A failure that may come at any time; whoever races `failed` hears of it, and nobody else need. */
function failure(): { failed: Promise<never>; fail(error: unknown): void } {
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  return { failed, fail };
}

/** A home's `up`, as it describes itself. */
export interface UpRecord extends ProcessId {
  workers: number;
  ui?: string;
}

export interface UpOptions extends EmbeddedOptions {
  workers: number;
  /** What they do; default: everything. */
  roles?: readonly string[];
  /** Whether one more process signals new files under `inputs`. */
  watch?: boolean;
  /** Told once when all is up, and each time when a worker was replaced. */
  onUp(up: { ui?: string; address: string; enginePid?: number; pids: number[] }): void;
  /** Ends it: workers, then the engine. */
  until: AbortSignal;
  /** Ends it without grace. */
  force: AbortSignal;
}

const upPath = (home: string): string => join(enginePaths(home).folder, 'up.json');

/** The `up` that runs for a home, if one does. */
export async function runningUp(home: string): Promise<UpRecord | undefined> {
  const record = await readJson<UpRecord>(upPath(home)).catch(() => undefined);
  return record !== undefined && isAlive(record) ? record : undefined;
}

/**
 * Keeps the engine and worker processes of a home until `until` aborts; each is started again when it dies, at most five
 * times a minute. Returns the record of another `up` of this home where one runs already, else undefined at the end.
 */
export async function runUp(options: UpOptions): Promise<UpRecord | undefined> {
  const { settings, env, log, workers, onNotice = () => undefined, onUp, until, force } = options;
  const { home } = settings;
  const lock = { folder: enginePaths(home).folder, name: 'up', waitMs: LOCK_WAIT_MS };
  const other = await withLock(lock, async () => {
    const running = await runningUp(home);
    if (running === undefined) await writeJson(upPath(home), { ...ownProcess(), workers } satisfies UpRecord);
    return running;
  });
  if (other !== undefined) return other;
  const ending: (() => Promise<unknown>)[] = [() => rm(upPath(home), { force: true })];
  try {
    const engine = await connectOrStart({
      home,
      log,
      env: engineEnv(settings, env),
      onProgress: options.onProgress,
      signal: until,
    });
    ending.unshift(() => engine.release());
    const { connection, namespace, ui, pid } = engine;
    await writeJson(upPath(home), { ...ownProcess(), workers, ...(ui !== undefined && { ui }) } satisfies UpRecord);
    const { failed, fail } = failure();
    if (engine.kind !== 'external') {
      const supervisor = superviseEngine({
        home,
        log,
        onFailure: fail,
        onRestart: ({ pid: now }) => onNotice(`the engine had died; it runs again as process ${now}`),
      });
      ending.unshift(() => supervisor.stop());
    }
    const program = fileURLToPath(new URL('../workers/main.js', import.meta.url));
    if (!existsSync(program))
      throw new GeorefreshError('GR-5006', 'the project is not built: npm run build', { where: [{ file: program }] });
    const common = {
      ...{ program, env: { ...env, GEOREFRESH_HOME: home } },
      onEnd: (ended: number) => void rm(join(workersFolder(home), `${ended}.json`), { force: true }),
    };
    const args = ['--address', connection.address, '--namespace', namespace];
    const restarted = (what: string) => (died: number, how: string) =>
      onNotice(`${what} ${died} ended ${how}; another one takes its place`);
    const served = options.roles === undefined ? [] : ['--roles', options.roles.join(',')];
    const fleet = startFleet({ ...common, count: workers, args: [...args, ...served], onRestart: restarted('worker') });
    const watcher = startFleet({
      ...{ ...common, count: options.watch ? 1 : 0, args: [...args, '--roles', 'watch'] },
      onRestart: restarted('watcher'),
    });
    ending.unshift(() => Promise.all([fleet.stop(force), watcher.stop(force)]));
    const stopped = new Promise<void>((resolve) => {
      if (until.aborted) resolve();
      until.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([Promise.all([fleet.ready, watcher.ready]), stopped, failed]);
    if (!until.aborted)
      onUp({
        address: connection.address,
        pids: fleet.pids(),
        ...(ui !== undefined && { ui }),
        ...(pid !== undefined && { enginePid: pid }),
      });
    await Promise.race([stopped, failed, fleet.failed, watcher.failed]);
    return undefined;
  } finally {
    for (const end of ending) await end().catch((error: unknown) => log.warn({ err: error }, 'an end was not clean'));
  }
}
