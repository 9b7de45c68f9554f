import { Connection } from '@temporalio/client';
import { GeorefreshError } from '../config/errors.js';
import { type EngineConnection, externalEngine } from './engine/external.js';
import { FOUND_HEALTHY_MS, LOOPBACK, waitHealthy } from './engine/health.js';
import type { EngineProgress } from './engine/install.js';
import type { EngineLog } from './engine/log.js';
import { type EngineBinary, engineCachePath, type ResolveOptions, resolveBinary } from './engine/resolve.js';
import { startEngine, stopEngine, stopLocked } from './engine/server.js';
import { ensureNamespace, ensureSearchAttributes } from './engine/setup.js';
import { addUser, type EngineRecord, enginePaths, readAliveRecord, removeUser, withStartLock } from './engine/state.js';
import { superviseEngine } from './engine/supervise.js';

export type { EngineBinary, EngineConnection, EngineLog, EngineProgress, EngineRecord };
export {
  engineCachePath,
  enginePaths,
  ensureNamespace,
  ensureSearchAttributes,
  readAliveRecord,
  resolveBinary,
  startEngine,
  stopEngine,
  superviseEngine,
};

/** An engine that serves its namespace and knows the search attributes. */
export interface Engine {
  /** For `Connection.connect` and `NativeConnection.connect`. */
  connection: EngineConnection;
  namespace: string;
  /** Address of the web UI; unknown for an engine that runs elsewhere. */
  ui?: string;
  /** Where the engine came from. */
  kind: 'external' | 'found' | 'started';
  /** Process of an embedded engine. */
  pid?: number;
  /**
   * Ends this use. The last user of an embedded engine stops it, unless `leave` is set; an engine that runs elsewhere is
   * never touched.
   */
  release(options?: { leave?: boolean }): Promise<'stopped' | 'left'>;
}

export interface EngineOptions {
  /** The folder that holds everything of this installation; each home has an engine of its own. */
  home: string;
  log: EngineLog;
  onProgress?: ((progress: EngineProgress) => void) | undefined;
  env?: NodeJS.ProcessEnv | undefined;
  signal?: AbortSignal | undefined;
}

const CONNECT_MS = 10_000;

/**
 * Where the engine is: elsewhere (TEMPORAL_ADDRESS, nothing is started), or the binary to start, found or installed as
 * `resolveBinary` says.
 */
export async function resolveEngine(
  options: ResolveOptions,
): Promise<{ source: 'external'; address: string; namespace: string } | EngineBinary> {
  const external = await externalEngine(options.env ?? process.env);
  if (external === undefined) return resolveBinary(options);
  return { source: 'external', address: external.connection.address, namespace: external.namespace };
}

/**
 * The engine of a home: the one that runs, or else a new one. Processes that ask at the same time end with one engine.
 *
 * Rejects with GR-5005 where none can be installed or started, GR-5001 where one exists that does not answer, GR-1002
 * where the environment is wrong.
 */
export async function connectOrStart(options: EngineOptions): Promise<Engine> {
  const { home, env = process.env, log, signal } = options;
  const external = await externalEngine(env);
  if (external !== undefined) {
    await prepare(external.connection, external.namespace);
    return { ...external, kind: 'external', release: () => Promise.resolve('left') };
  }
  const namespace = env.TEMPORAL_NAMESPACE || 'default';
  // Before the lock is taken, as an installation takes minutes; it has a lock of its own.
  const binary = (await readAliveRecord(home)) === undefined ? await resolveBinary(options) : undefined;
  const take = async () => {
    const found = await readAliveRecord(home);
    if (found !== undefined) await waitHealthy(found, { timeoutMs: FOUND_HEALTHY_MS, signal });
    else options.onProgress?.({ step: 'start', seconds: 0, note: 'starting the engine' });
    const record =
      found ?? (await startEngine({ home, binary: binary ?? (await resolveBinary(options)), namespace, log, signal }));
    return { record, user: await addUser(home), kind: found ? ('found' as const) : ('started' as const) };
  };
  const { record, user, kind } = await withStartLock(home, take, signal);
  const connection = { address: `${LOOPBACK}:${record.port}` };
  const release = ({ leave = false } = {}): Promise<'stopped' | 'left'> =>
    withStartLock(home, async () => {
      const others = await removeUser(home, user);
      if (others || leave) return 'left';
      await stopLocked(home);
      return 'stopped';
    });
  try {
    await prepare(connection, namespace);
  } catch (error) {
    await release();
    throw error;
  }
  return { connection, namespace, ui: `http://${LOOPBACK}:${record.uiPort}`, kind, pid: record.pid, release };
}

async function prepare(options: EngineConnection, namespace: string): Promise<void> {
  let connection: Connection;
  try {
    connection = await Connection.connect({ ...options, connectTimeout: CONNECT_MS });
  } catch (error) {
    throw new GeorefreshError('GR-5001', `nothing answers at ${options.address}`, { cause: error });
  }
  try {
    await ensureNamespace(connection, namespace);
    await ensureSearchAttributes(connection, namespace);
  } finally {
    await connection.close();
  }
}
