import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import envPaths from 'env-paths';
import { GeorefreshError, type Where } from '../../config/errors.js';
import { buildEngine, downloadEngine, type EngineProgress, type InstallOptions } from './install.js';
import { withLock } from './lock.js';
import type { EngineLog } from './log.js';
import { ENGINE_VERSION, probeEngine } from './version.js';

/** Places that a binary may come from, in the order in which they are tried. */
export const ENGINE_SOURCES = ['path', 'cache', 'download', 'go'] as const;
export type EngineSource = (typeof ENGINE_SOURCES)[number];

export interface EngineBinary {
  source: EngineSource;
  path: string;
  /** Version of the Temporal Server in it. */
  server: string;
}

export interface ResolveOptions {
  log: EngineLog;
  onProgress?: ((progress: EngineProgress) => void) | undefined;
  env?: NodeJS.ProcessEnv | undefined;
  /** Restricts the search; the order stays. */
  sources?: readonly EngineSource[] | undefined;
  signal?: AbortSignal | undefined;
}

const NAME = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
/** Longer than a whole download and build, which another process may be at. */
const INSTALL_WAIT_MS = 26 * 60_000;

/** Where an installed engine is kept for all homes of this user. */
export const engineCachePath = (env: NodeJS.ProcessEnv): string =>
  join(env.GEOREFRESH_CACHE || envPaths('georefresh', { suffix: '' }).cache, 'engine', ENGINE_VERSION, NAME);

/** The first `temporal` on PATH. Relative entries are passed over: they would run what lies in the current folder. */
export const findOnPath = (env: NodeJS.ProcessEnv, name = NAME): string | undefined =>
  (env.PATH ?? env.Path ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/**
 * Finds the Temporal CLI, or installs it: PATH, the cache, the SDK's download, `go install` (minutes, once). Two processes
 * never install at once; the second one waits and takes what the first made.
 *
 * Rejects with GR-5005, which names each place that was tried and what was wrong there.
 */
export async function resolveBinary(options: ResolveOptions): Promise<EngineBinary> {
  const { env = process.env, sources = ENGINE_SOURCES, log } = options;
  const faults: Where[] = [];
  const onPath = sources.includes('path') ? findOnPath(env) : undefined;
  if (onPath !== undefined) {
    const found = await tryBinary('path', onPath, faults);
    if (found) return found;
    log.warn({ path: onPath }, `passing over the temporal on PATH: ${faults.at(-1)?.note}`);
  } else if (sources.includes('path')) {
    faults.push({ note: 'PATH: no temporal there' });
  }
  const cached = engineCachePath(env);
  if (sources.includes('cache') && existsSync(cached)) {
    const found = await tryBinary('cache', cached, faults);
    if (found) return found;
    log.warn({ path: cached }, `the cached engine is replaced: ${faults.at(-1)?.note}`);
  }
  const installed = await install(cached, options, faults);
  if (installed) return installed;
  throw new GeorefreshError('GR-5005', 'no Temporal CLI was found, downloaded or built', { where: faults });
}

async function tryBinary(source: EngineSource, path: string, faults: Where[]): Promise<EngineBinary | undefined> {
  const probe = await probeEngine(path);
  if ('server' in probe) return { source, path, server: probe.server };
  faults.push({ file: path, note: `${source}: ${probe.fault}` });
  return undefined;
}

async function install(target: string, options: ResolveOptions, faults: Where[]): Promise<EngineBinary | undefined> {
  const { env = process.env, sources = ENGINE_SOURCES, onProgress = () => {}, signal, log } = options;
  const installers = [
    { source: 'download', make: downloadEngine },
    { source: 'go', make: buildEngine },
  ] as const;
  const wanted = installers.filter(({ source }) => sources.includes(source));
  if (wanted.length === 0) return undefined;
  const folder = dirname(target);
  await mkdir(folder, { recursive: true });
  const onWait = (): void =>
    onProgress({ step: 'wait', seconds: 0, note: 'waiting for another process that installs the engine' });
  return withLock({ folder, name: 'install', waitMs: INSTALL_WAIT_MS, onWait, ...(signal && { signal }) }, async () => {
    // Whoever held the lock before may have made it.
    const made = existsSync(target) && sources.includes('cache') ? await tryBinary('cache', target, []) : undefined;
    if (made) return made;
    for (const { source, make } of wanted) {
      if (source === 'go' && findOnPath(env, process.platform === 'win32' ? 'go.exe' : 'go') === undefined) {
        faults.push({ note: 'go: no Go on PATH to build it with' });
        continue;
      }
      const fault = await attempt(make, { target, env, onProgress, signal });
      if (fault !== undefined) {
        faults.push({ note: `${source}: ${fault}` });
        log.warn({ source }, `the engine was not installed by ${source}: ${fault}`);
        continue;
      }
      const found = await tryBinary(source, target, faults);
      if (found) return found;
    }
    return undefined;
  });
}

/** What went wrong, or undefined. An abort by the caller goes through. */
async function attempt(
  make: (options: InstallOptions) => Promise<void>,
  options: InstallOptions,
): Promise<string | undefined> {
  try {
    await make(options);
    return undefined;
  } catch (error) {
    options.signal?.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}
