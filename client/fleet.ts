import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { GeorefreshError } from '../config/errors.js';
import { Restarts } from './restarts.js';

export interface FleetOptions {
  count: number;
  /** The program of a worker; it sends a message when it is ready, and ends on SIGTERM or when we are gone. */
  program: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Told when a worker is ready, and when one died that is started again. */
  onReady?(pid: number): void;
  onRestart?(pid: number, how: string): void;
  /** Told of every end, whatever its cause: what the worker left of itself can be cleaned up. */
  onEnd?(pid: number): void;
  /** Bound on the time until a worker is ready, and until an asked one has ended, in milliseconds. */
  readyMs?: number;
  stopMs?: number;
}

/** Worker processes that are started again when they die. */
export interface Fleet {
  /** Resolves when each worker was ready once. */
  ready: Promise<void>;
  /** Rejects with GR-5006 when a worker dies more than five times within a minute. Never resolves. */
  failed: Promise<never>;
  pids(): number[];
  /** Asks all to end and waits; after `stopMs`, or when `force` aborts, they are killed. */
  stop(force?: AbortSignal): Promise<void>;
}

const READY_MS = 120_000;
/** Longer than a worker's own grace for what is in flight. */
const STOP_MS = 30_000;
/** A worker that dies at once must not be started again in a tight loop. */
const PAUSE_MS = 500;

/** Starts the workers of a home, each in a process of its own. */
export function startFleet(options: FleetOptions): Fleet {
  const { count, readyMs = READY_MS, stopMs = STOP_MS } = options;
  const children = new Map<number, ChildProcess>();
  const stopping = new AbortController();
  let fail: (error: GeorefreshError) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined); // Whoever waits for it hears of it.

  const keep = async (slot: number, onceReady: () => void): Promise<void> => {
    const restarts = new Restarts();
    while (!stopping.signal.aborted) {
      const child = fork(options.program, [...options.args], {
        env: options.env,
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      children.set(slot, child);
      const tooLate = setTimeout(() => child.kill('SIGKILL'), readyMs);
      child.once('message', () => {
        clearTimeout(tooLate);
        if (child.pid !== undefined) options.onReady?.(child.pid);
        onceReady();
      });
      const how = await ended(child);
      clearTimeout(tooLate);
      children.delete(slot);
      if (child.pid !== undefined) options.onEnd?.(child.pid);
      if (stopping.signal.aborted) return;
      if (!restarts.allowed())
        return fail(new GeorefreshError('GR-5006', `a worker died six times within a minute, at last ${how}`));
      options.onRestart?.(child.pid ?? 0, how);
      await sleep(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const slots = Array.from({ length: count }, (_, slot) => {
    let onceReady = (): void => undefined;
    const ready = new Promise<void>((resolve) => {
      onceReady = resolve;
    });
    return { ready, done: keep(slot, onceReady) };
  });

  return {
    ready: Promise.race([Promise.all(slots.map(({ ready }) => ready)).then(() => undefined), failed]),
    failed,
    pids: () => [...children.values()].flatMap(({ pid }) => pid ?? []),
    async stop(force) {
      stopping.abort();
      for (const child of children.values()) askToEnd(child);
      const kill = (): void => {
        for (const child of children.values()) child.kill('SIGKILL');
      };
      const timer = setTimeout(kill, stopMs);
      if (force?.aborted) kill();
      force?.addEventListener('abort', kill, { once: true });
      await Promise.all(slots.map(({ done }) => done));
      clearTimeout(timer);
    },
  };
}

/** Windows knows no SIGTERM that a process could handle; there the channel is closed, which the worker takes as the same. */
function askToEnd(child: ChildProcess): void {
  if (process.platform === 'win32') child.disconnect();
  else child.kill('SIGTERM');
}

const ended = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `with exit code ${code}` : `by ${signal}`));
  });
