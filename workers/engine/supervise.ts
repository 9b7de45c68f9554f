import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { GeorefreshError } from '../../config/errors.js';
import { FOUND_HEALTHY_MS, waitHealthy } from './health.js';
import type { EngineLog } from './log.js';
import { isAlive } from './process.js';
import { resolveBinary } from './resolve.js';
import { startEngine } from './server.js';
import { boundLog, type EngineRecord, enginePaths, logTail, readRecord, withStartLock } from './state.js';

export interface SuperviseOptions {
  home: string;
  log: EngineLog;
  /** Told of each restart, by us or by another process that supervises the same home. */
  onRestart?(record: EngineRecord): void;
  /** Told once, when the engine is given up: GR-5005 after five restarts in a minute, GR-5001 where someone stopped it. */
  onFailure(error: GeorefreshError): void;
  /** How often the engine's process is looked at, in milliseconds. */
  intervalMs?: number;
}

export interface Supervisor {
  /** Ends supervision; resolves once no restart is under way. The engine is left as it is. */
  stop(): Promise<void>;
}

export const MAX_RESTARTS = 5;
const WINDOW_MS = 60_000;
const RETRY_MS = 1_000;

/**
 * Restarts the home's engine when its process has died, on the same ports and database, so that open connections find it
 * again. A frozen engine is left alone: a second one on the same file would be worse than waiting.
 */
export function superviseEngine(options: SuperviseOptions): Supervisor {
  const ending = new AbortController();
  const done = watch(options, ending.signal).catch((error: unknown) => {
    if (ending.signal.aborted) return;
    const known = error instanceof GeorefreshError;
    options.onFailure(known ? error : new GeorefreshError('GR-5001', 'supervision failed', { cause: error }));
  });
  return {
    async stop() {
      ending.abort();
      await done;
    },
  };
}

async function watch(options: SuperviseOptions, signal: AbortSignal): Promise<never> {
  const { home, log, intervalMs = 500 } = options;
  const restarts: number[] = [];
  let current = (await readRecord(home))?.pid;
  for (;;) {
    await sleep(intervalMs, undefined, { signal });
    const record = await readRecord(home);
    if (record === undefined) throw new GeorefreshError('GR-5001', 'the engine was stopped by another command');
    if (isAlive(record)) {
      if (record.pid !== current) options.onRestart?.(record);
      current = record.pid;
      await boundLog(enginePaths(home).log);
      continue;
    }
    const now = performance.now();
    while (restarts[0] !== undefined && now - restarts[0] > WINDOW_MS) restarts.shift();
    if (restarts.length >= MAX_RESTARTS) {
      const file = enginePaths(home).log;
      const detail = `it died ${MAX_RESTARTS + 1} times within a minute; its log ends with:\n${await logTail(file)}`;
      throw new GeorefreshError('GR-5005', detail, { where: [{ file }] });
    }
    restarts.push(now);
    log.warn({ pid: record.pid, restart: restarts.length }, 'the engine died; restarting it');
    try {
      await restart(options, signal);
    } catch (error) {
      log.warn({ err: error }, 'the engine did not come back; trying again');
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

async function restart({ home, log }: SuperviseOptions, signal: AbortSignal): Promise<void> {
  const work = async (): Promise<void> => {
    const record = await readRecord(home);
    // Gone: stopped on purpose meanwhile, which the next look reports. Alive: another supervisor was faster.
    if (record === undefined) return;
    if (isAlive(record)) return waitHealthy(record, { timeoutMs: FOUND_HEALTHY_MS, signal });
    const { port, uiPort, namespace } = record;
    const binary = existsSync(record.binary)
      ? { path: record.binary, server: record.server }
      : await resolveBinary({ log, signal, sources: ['path', 'cache'] });
    await startEngine({ home, binary, namespace, log, ports: { port, uiPort }, signal });
  };
  await withStartLock(home, work, signal);
}
