import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Role, Workers } from '../workers/roles.js';
import { Restarts } from './restarts.js';

export interface TendOptions {
  /** Roles that no worker process of the home has at the moment. */
  missingRoles(): Promise<Role[]>;
  /** Starts workers in this process. */
  start(roles: Role[]): Promise<Workers>;
  log: Logger;
  /** Told when workers of this process fail more often than five times a minute. */
  onFailure(error: unknown): void;
}

const LOOK_MS = 1_000;
/** Whoever keeps worker processes replaces a dead one within this time. */
const REPLACED_MS = 15_000;

/**
 * Sees to it that a command's run has workers: where the home has none, they run in this process until `stop`. Worker
 * processes that vanish for good are replaced in the same way. Ours leave no record: others must not count on them.
 */
export async function tendWorkers({
  missingRoles,
  start,
  log,
  onFailure,
}: TendOptions): Promise<{ stop(): Promise<void> }> {
  const ending = new AbortController();
  const restarts = new Restarts();
  let own: Workers | undefined;

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
      await sleep(LOOK_MS, undefined, { signal: ending.signal });
      if (own !== undefined) continue;
      const roles = await missingRoles();
      missingSince = roles.length === 0 ? undefined : (missingSince ?? performance.now());
      if (missingSince === undefined || performance.now() - missingSince < REPLACED_MS) continue;
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
