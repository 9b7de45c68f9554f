import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { GeorefreshError } from '../../config/errors.js';
import { LOOPBACK, waitHealthy } from './health.js';
import type { EngineLog } from './log.js';
import { endProcess, ownProcess, startTimeOf } from './process.js';
import type { EngineBinary } from './resolve.js';
import { attributeArguments } from './setup.js';
import {
  boundLog,
  type EnginePorts,
  type EngineRecord,
  enginePaths,
  logTail,
  readJson,
  readRecord,
  withStartLock,
  writeJson,
} from './state.js';

export { LOOPBACK };

/** Starts took 1.2 s; a cold disk or a busy machine may take many times that. */
const HEALTHY_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const ATTEMPTS = 3;

export interface StartOptions {
  home: string;
  binary: Pick<EngineBinary, 'path' | 'server'>;
  namespace: string;
  log: EngineLog;
  /** These ports and no others; else those of the last start where they are free, else any free ones. */
  ports?: EnginePorts;
  signal?: AbortSignal | undefined;
}

/** Arguments of the Temporal CLI for an engine of one home. */
export const serverArguments = (database: string, { port, uiPort }: EnginePorts, namespace: string): string[] => [
  ...['server', 'start-dev', '--db-filename', database, '--ip', LOOPBACK],
  ...['--port', String(port), '--ui-port', String(uiPort), '--log-level', 'warn'],
  ...(namespace === 'default' ? [] : ['--namespace', namespace]),
  ...attributeArguments().flatMap((attribute) => ['--search-attribute', attribute]),
];

/**
 * Starts the home's engine and waits until it serves. The caller holds the start lock and knows that none runs.
 * Rejects with GR-5005 and the last lines of the engine's log where it does not come up.
 */
export async function startEngine(options: StartOptions): Promise<EngineRecord> {
  for (let attempt = 1; ; attempt++) {
    const ports = options.ports ?? (await choosePorts(options.home, attempt > 1));
    try {
      return await startOn(ports, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      // Between choosing a port and binding it someone else may take it; a given port is the caller's to try again.
      if (options.ports !== undefined || attempt === ATTEMPTS) throw error;
      options.log.warn({ ports, err: error }, 'the engine did not start; trying other ports');
    }
  }
}

async function startOn(ports: EnginePorts, options: StartOptions): Promise<EngineRecord> {
  const { home, binary, namespace, log, signal } = options;
  const paths = enginePaths(home);
  await Promise.all([paths.folder, dirname(paths.log)].map((folder) => mkdir(folder, { recursive: true })));
  await boundLog(paths.log);
  const started = performance.now();
  const pid = await spawnDetached(binary.path, serverArguments(paths.database, ports, namespace), paths.log);
  const startTime = startTimeOf(pid);
  if (startTime === undefined) throw await failure(paths.log, 'it ended at once');
  const { path, server } = binary;
  const since = new Date().toISOString();
  const record: EngineRecord = {
    pid,
    startTime,
    ...ports,
    binary: path,
    server,
    namespace,
    owner: ownProcess(),
    since,
  };
  try {
    // Before anything else can fail: an engine without its record could be found by nobody.
    await writeJson(paths.record, record);
    await writeJson(paths.ports, ports);
    await waitHealthy(record, { timeoutMs: HEALTHY_MS, signal });
  } catch (error) {
    await endProcess(record, STOP_GRACE_MS);
    // The record of a restart stays: without it the engine would pass for one stopped on purpose.
    if (options.ports === undefined) await rm(paths.record, { force: true });
    if (error instanceof GeorefreshError) throw await failure(paths.log, error.message, error);
    throw error;
  }
  log.info({ pid, ...ports, server, ms: Math.round(performance.now() - started) }, 'engine started');
  return record;
}

const failure = async (log: string, reason: string, cause?: unknown): Promise<GeorefreshError> =>
  new GeorefreshError('GR-5005', `${reason}; its log ends with:\n${await logTail(log)}`, {
    where: [{ file: log }],
    cause,
  });

/** In a session of its own, so that a Ctrl-C meant for us leaves it alone until the workers have drained. */
async function spawnDetached(path: string, args: string[], logPath: string): Promise<number> {
  const log = await open(logPath, 'a');
  try {
    // TEMPORAL_* would be read by the CLI as settings of its own.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
    const child = spawn(path, args, { detached: true, stdio: ['ignore', log.fd, log.fd], env, windowsHide: true });
    await once(child, 'spawn');
    child.unref();
    return child.pid as number;
  } catch (error) {
    throw new GeorefreshError('GR-5005', `${path} cannot be run`, { where: [{ file: path }], cause: error });
  } finally {
    await log.close();
  }
}

/**
 * Stops the home's engine, if one runs: SIGTERM, SIGKILL after ten seconds. Only a process whose pid and start time are
 * those of the record is touched. The record goes, ports and database stay. Under the start lock, or else a supervisor
 * would take the dying engine for one that crashed, and its restart would lose its record to us.
 */
export const stopEngine = (home: string): Promise<'none' | 'stopped' | 'killed'> =>
  withStartLock(home, () => stopLocked(home));

/** `stopEngine` for a caller that holds the start lock. */
export async function stopLocked(home: string): Promise<'none' | 'stopped' | 'killed'> {
  const record = await readRecord(home);
  if (record === undefined) return 'none';
  const ended = await endProcess(record, STOP_GRACE_MS);
  await rm(enginePaths(home).record, { force: true });
  return ended === 'gone' ? 'none' : ended === 'ended' ? 'stopped' : 'killed';
}

async function choosePorts(home: string, fresh: boolean): Promise<EnginePorts> {
  const last = fresh ? undefined : await readJson<EnginePorts>(enginePaths(home).ports);
  if (last && (await freePort(last.port)) && (await freePort(last.uiPort))) return last;
  const [port, uiPort] = await Promise.all([freePort(0), freePort(0)]);
  if (port === undefined || uiPort === undefined)
    throw new GeorefreshError('GR-5005', `no port is free on ${LOOPBACK}`);
  return { port, uiPort };
}

/** The port if it can be bound now, any one for 0; undefined where it is taken. */
const freePort = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
