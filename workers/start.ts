import { Client, Connection } from '@temporalio/client';
import { bringDefinitions } from '../lake/bring.js';
import { newDataOptions } from '../workflows/messages.js';
import { ROLES, type Role, startWorkers, type Workers, type WorkersOptions } from './roles.js';
import { startWatching } from './watch.js';

/** What a process may be: workers of the queues, and the one that signals new files under `inputs`. */
export const PROCESS_ROLES = [...ROLES, 'watch'] as const;
export type ProcessRole = (typeof PROCESS_ROLES)[number];

export const isWorkerRole = (role: ProcessRole): role is Role => role !== 'watch';

/** Starts all that a process is to be. When one part fails all are stopped, and `done` rejects with its failure. */
export async function startRoles(
  options: Omit<WorkersOptions, 'roles'> & { roles: readonly ProcessRole[] },
): Promise<Workers> {
  const roles = options.roles.filter(isWorkerRole);
  const parts: Workers[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.stop()));
  };
  try {
    if (roles.length > 0) parts.push(await startWorkers({ ...options, roles }));
    if (options.roles.includes('watch')) parts.push(await startWatcher(options));
  } catch (error) {
    await stop();
    throw error;
  }
  const done = Promise.all(parts.map((part) => part.done)).then(
    () => undefined,
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  done.catch(() => undefined); // Whoever asks for `done` hears of it.
  return { done, stop };
}

async function startWatcher({ connection, namespace, settings, log }: Omit<WorkersOptions, 'roles'>): Promise<Workers> {
  bringDefinitions();
  bringDefinitions();
  const connected = await Connection.connect(connection);
  const client = new Client({ connection: connected, namespace });
  const { done, stop } = await startWatching({
    settings,
    log,
    async signal(pipeline, pacing, fingerprint) {
      await client.workflow.signalWithStart('pipeline', newDataOptions(pipeline, pacing, { fingerprint }));
    },
  });
  return { done: done.finally(() => connected.close()), stop };
}
