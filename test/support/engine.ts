import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { Activities } from '../../activities/index.js';
import { TASK_QUEUES } from '../../config/queues.js';
import { connectOrStart, stopEngine } from '../../workers/engine.js';
import { engineBinary } from './needs.js';

const { History } = temporal.api.history.v1;
const nothing = (): void => undefined;
const silent = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** The project's workflows as one file, or those of another index. */
export const bundleOf = (index = '../../workflows/index.ts'): Promise<WorkflowBundle> =>
  bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL(index, import.meta.url)), logger: silent });

/** An engine of its own for a test file, with the workflows' code. */
export interface TestServer {
  client: Client;
  /** Runs `work` while workers with these activities poll all queues. */
  withWorkers<T>(activities: Activities, work: () => Promise<T>): Promise<T>;
  /** A history as JSON, for `replayableHistory`. */
  historyOf(workflowId: string, runId?: string): Promise<string>;
  close(): Promise<void>;
}

export async function startServer(home: string, maxCachedWorkflows = 100): Promise<TestServer> {
  quietRuntime();
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_NAMESPACE: _namespace, ...rest } = process.env;
  const env = { ...rest, PATH: `${dirname(engineBinary().path)}:${process.env.PATH}` };
  const engine = await connectOrStart({ home, log: { info: nothing, warn: nothing }, env });
  // Before the connections: it keeps the process busy for longer than their deadline on a loaded machine.
  const workflowBundle = await bundleOf();
  const [connection, native] = await Promise.all([
    Connection.connect({ ...engine.connection, connectTimeout: '30s' }),
    NativeConnection.connect(engine.connection),
  ]);
  const client = new Client({ connection, namespace: engine.namespace });
  return {
    client,
    async withWorkers(activities, work) {
      const common = {
        connection: native,
        namespace: engine.namespace,
        maxHeartbeatThrottleInterval: '100ms',
      } as const;
      const workers = await Promise.all([
        Worker.create({ ...common, taskQueue: TASK_QUEUES.workflows, workflowBundle, maxCachedWorkflows }),
        Worker.create({ ...common, taskQueue: TASK_QUEUES.io, activities }),
        Worker.create({ ...common, taskQueue: TASK_QUEUES.compute, activities }),
        Worker.create({ ...common, taskQueue: TASK_QUEUES.backfill, activities }),
      ]);
      const ended = Promise.all(workers.map((worker) => worker.run()));
      try {
        return await work();
      } finally {
        for (const worker of workers) worker.shutdown();
        await ended;
      }
    },
    async historyOf(workflowId, runId) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      const plain = History.toObject(History.fromObject(history), {
        longs: String,
        enums: String,
        bytes: String,
      }) as object;
      return `${JSON.stringify(plain, withoutMachine, 1)}\n`;
    },
    async close() {
      await connection.close();
      await native.close();
      await engine.release();
      await stopEngine(home);
    },
  };
}

/** The history that `historyOf` wrote. */
export const replayableHistory = (json: string) => History.fromObject(JSON.parse(json) as object);

/** Neither replay nor reader needs to know on which machine a history was made. */
const withoutMachine = (key: string, value: unknown): unknown => {
  if (key === 'stackTrace') return '';
  return typeof value === 'string' ? value.replace(/\d+@[\w.-]+/g, 'worker') : value;
};

let installed = false;

/** The SDK has one runtime a process; its log would only hide what failed. */
export function quietRuntime(): void {
  if (installed) return;
  installed = true;
  const telemetryOptions = { logging: { forward: {}, filter: 'ERROR' } };
  Runtime.install({ logger: new DefaultLogger('ERROR', nothing), telemetryOptions });
}
