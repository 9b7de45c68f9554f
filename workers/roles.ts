import { join } from 'node:path';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import { createKernelPool } from '../activities/pool/index.js';
import { TASK_QUEUES } from '../config/queues.js';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { bringDefinitions } from '../lake/bring.js';
import { openLake } from '../lake/index.js';
import { workflowBundle } from './bundle.js';
import { readCode } from './code.js';
import type { EngineConnection } from './engine.js';

/** `workflows` decides what is done next, `io` reads and writes, `compute` runs kernels, `backfill` does both for old times. */
export const ROLES = ['workflows', 'io', 'compute', 'backfill'] as const;
export type Role = (typeof ROLES)[number];

export interface WorkersOptions {
  connection: EngineConnection;
  namespace: string;
  settings: ReadonlyDeep<Settings>;
  log: Logger;
  roles?: readonly Role[];
}

/** The workers of this process; they poll until `stop`, or until one of them fails, which stops all. */
export interface Workers {
  /** Settles when all have stopped; rejects with the failure of the first that failed. */
  done: Promise<void>;
  stop(): Promise<void>;
}

const IO_SLOTS = 8;
/** So few that scheduled refreshes keep the machine. */
const BACKFILL_SLOTS = 2;

/** Starts one worker a role. They share one connection, one lake and one kernel pool. */
export async function startWorkers({
  connection,
  namespace,
  settings,
  log,
  roles = ROLES,
}: WorkersOptions): Promise<Workers> {
  bringDefinitions();
  const [native, lake, bundle] = await Promise.all([
    NativeConnection.connect(connection),
    openLake({
      home: settings.home,
      storeUri: settings.store,
      storage: settings.storage,
      scratchBytes: settings.scratch.maxBytes,
      memoryLimit: `${Math.floor(settings.compute.memory / 1e6)}MB`,
      threads: settings.compute.threads,
    }),
    roles.includes('workflows') ? workflowBundle(join(settings.home, 'engine'), log) : undefined,
  ]);
  const pool = createKernelPool({ threads: settings.compute.threads });
  const activities = createActivities({ lake, pool, code: readCode(), log, settings });

  const slots: Record<Role, Partial<WorkerOptions>> = {
    workflows: {
      ...(bundle && { workflowBundle: bundle }),
      maxCachedWorkflows: settings.engine.maxCachedWorkflows,
    },
    io: { activities, maxConcurrentActivityTaskExecutions: IO_SLOTS },
    backfill: { activities, maxConcurrentActivityTaskExecutions: BACKFILL_SLOTS },
    compute: { activities, maxConcurrentActivityTaskExecutions: settings.compute.threads },
  };
  const close = async (): Promise<void> => {
    await pool.close();
    await lake.close();
    await native.close();
  };

  let workers: Worker[];
  try {
    workers = await Promise.all(
      roles.map((role) =>
        Worker.create({
          connection: native,
          namespace,
          taskQueue: TASK_QUEUES[role],
          // Kernels run in threads of their own; what is in flight at a stop is worth a moment, not a minute.
          shutdownGraceTime: '5 s',
          shutdownForceTime: '20 s',
          // A cancellation reaches an activity with its next heartbeat.
          maxHeartbeatThrottleInterval: '500 ms',
          defaultHeartbeatThrottleInterval: '500 ms',
          ...slots[role],
        }),
      ),
    );
  } catch (error) {
    await close();
    throw error;
  }

  const stopAll = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const done = Promise.allSettled(
    workers.map((worker) =>
      worker.run().catch((error: unknown) => {
        stopAll();
        throw error;
      }),
    ),
  ).then(async (ends) => {
    await close();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  });
  done.catch(() => undefined); // Whoever asks for `done` hears of it.
  return {
    done,
    async stop() {
      stopAll();
      await done.catch(() => undefined);
    },
  };
}
