import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Restarts } from './restarts.js';

/** Workers of this process: `done` rejects when they fail. */
export interface OwnWorkers {
  done: Promise<void>;
  stop(): Promise<void>;
}

export interface TendOptions<Role extends string> {
  /** Roles that no worker process of the home has at the moment. */
  missingRoles(): Promise<Role[]>;
  /** Starts workers in this process. */
  start(roles: Role[]): Promise<OwnWorkers>;
  log: Logger;
  /** Told when workers of this process fail more often than five times a minute. */
  onFailure(error: unknown): void;
  /** How often is looked, and how long a dead worker process may take to be replaced, in milliseconds. */
  lookMs?: number;
  replacedMs?: number;
}

const LOOK_MS = 1_000;
const REPLACED_MS = 15_000;

/**
 * Sees to it that a command's run has workers: where the home has none, they run in this process until `stop`. Worker
 * processes that vanish for good are replaced in the same way. Ours leave no record: others must not count on them.
 */
export async function tendWorkers<Role extends string>(options: TendOptions<Role>): Promise<{ stop(): Promise<void> }> {
  const { missingRoles, start, log, onFailure, lookMs = LOOK_MS, replacedMs = REPLACED_MS } = options;
  const ending = new AbortController();
  const restarts = new Restarts();
  let own: OwnWorkers | undefined;

  const begin = async (roles: Role[]): Promise<void> => {
    const workers = await start(roles);
    own = workers;
    if (ending.signal.aborted) return workers.stop();
    workers.done.catch(async (error: unknown) => {
      own = undefined;
      if (ending.signal.aborted) return;
      if (!restarts.allowed()) return onFailure(error);
      log.warn({ err: error }, 'the workers of this process failed; starting them again');
      await begin(roles).catch(onFailure);
    });
  };

  const watch = async (): Promise<void> => {
    for (let missingSince: number | undefined; ; ) {
      await sleep(lookMs, undefined, { signal: ending.signal });
      if (own !== undefined) continue;
      const roles = await missingRoles();
      missingSince = roles.length === 0 ? undefined : (missingSince ?? performance.now());
      if (missingSince === undefined || performance.now() - missingSince < replacedMs) continue;
      log.warn({ roles }, 'the workers of this home are gone; this process takes over');
      await begin(roles);
    }
  };

  const missing = await missingRoles();
  if (missing.length > 0) await begin(missing);
  const watching = watch().catch((error: unknown) => {
    if (!ending.signal.aborted) onFailure(error);
  });
  return {
    async stop() {
      ending.abort();
      await watching;
      await own?.stop();
    },
  };
}
