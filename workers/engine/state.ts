import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GeorefreshError } from '../../config/errors.js';
import { withLock } from './lock.js';
import { isAlive, ownProcess, type ProcessId } from './process.js';

export interface EnginePorts {
  /** gRPC, what clients and workers connect to. */
  port: number;
  /** The web UI. */
  uiPort: number;
}

/** `engine.json`: the engine of a home while it runs, or died without being stopped. */
export interface EngineRecord extends ProcessId, EnginePorts {
  binary: string;
  /** Version of the Temporal Server in the binary. */
  server: string;
  namespace: string;
  /** Who started it; for people. */
  owner: ProcessId;
  since: string;
}

/** The engine's parts of a home. */
export const enginePaths = (home: string) => {
  const folder = join(home, 'engine');
  return {
    folder,
    record: join(folder, 'engine.json'),
    ports: join(folder, 'ports.json'),
    users: join(folder, 'users'),
    database: join(folder, 'temporal.db'),
    log: join(home, 'logs', 'engine.log'),
  };
};

/** Another process may be at a whole start, or at a stop with its grace. */
const LOCK_WAIT_MS = 90_000;

/** Runs `work` while nobody else starts, restarts or stops the home's engine, or counts its users. */
export const withStartLock = <T>(home: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
  withLock({ folder: enginePaths(home).folder, name: 'start', waitMs: LOCK_WAIT_MS, ...(signal && { signal }) }, work);

/** Replaces a small JSON file; a reader sees the old content or the new, also after a power cut. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'w');
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** Undefined where the file is absent. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new GeorefreshError('GR-4006', 'not JSON; end the engine of this home and remove the file', {
      where: [{ file: path }],
      cause: error,
    });
  }
}

export const readRecord = (home: string): Promise<EngineRecord | undefined> =>
  readJson<EngineRecord>(enginePaths(home).record);

/** The record of an engine that runs, by pid and start time. */
export async function readAliveRecord(home: string): Promise<EngineRecord | undefined> {
  const record = await readRecord(home);
  return record && isAlive(record) ? record : undefined;
}

/** Notes that this process uses the home's engine. Call under the start lock; returns what `removeUser` takes. */
export async function addUser(home: string): Promise<string> {
  const path = join(enginePaths(home).users, `${process.pid}-${randomUUID()}.json`);
  await writeJson(path, ownProcess());
  return path;
}

/** Takes one user away and says whether others that live are left. Call under the start lock. */
export async function removeUser(home: string, user: string): Promise<boolean> {
  await rm(user, { force: true });
  const { users } = enginePaths(home);
  let left = false;
  for (const file of await readdir(users)) {
    if (!file.endsWith('.json')) continue;
    const path = join(users, file);
    const id = await readJson<ProcessId>(path);
    if (id && isAlive(id)) left = true;
    else await rm(path, { force: true });
  }
  return left;
}

/** Largest engine.log in bytes; one older file of at most this size is kept beside it. */
const LOG_BYTES = 8 * 1024 * 1024;

/**
 * Keeps the engine's log bounded while the engine appends to it: copied away and cut, since a renamed file would go on
 * growing under its new name. Lines written between the copy and the cut are lost.
 */
export async function boundLog(path: string, maxBytes = LOG_BYTES): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size <= maxBytes) return;
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
}

/** The last lines of the engine's log, for an error message. */
export async function logTail(path: string, lines = 8): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
