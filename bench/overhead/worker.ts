import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createLogger } from '../../config/logging.js';
import { installRuntime } from '../../workers/runtime.js';
import { bareQueue } from './workflows.js';

/** A worker process of the bare workflow, with the queues and slots of ours: node worker.ts ADDRESS NAMESPACE. */
const [address = '', namespace = ''] = process.argv.slice(2);
const IO_SLOTS = 8;

installRuntime(createLogger({ level: 'error' }));
const connection = await NativeConnection.connect({ address });
const activities = { nothing: async (): Promise<void> => undefined };
const workers = await Promise.all([
  Worker.create({
    connection,
    namespace,
    taskQueue: bareQueue('workflows'),
    workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
  }),
  Worker.create({
    connection,
    namespace,
    taskQueue: bareQueue('io'),
    activities,
    maxConcurrentActivityTaskExecutions: IO_SLOTS,
  }),
  Worker.create({
    connection,
    namespace,
    taskQueue: bareQueue('compute'),
    activities,
    maxConcurrentActivityTaskExecutions: availableParallelism(),
  }),
]);
const stop = (): void => {
  for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
};
process.once('SIGTERM', stop);
process.once('disconnect', stop);
const running = Promise.all(workers.map((worker) => worker.run()));
process.send?.('ready');
await running;
await connection.close();
if (process.connected) process.disconnect();
