import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { RunSummary } from '../../activities/types.js';
import { startRefresh } from '../../client/refreshes.js';
import { createLogger } from '../../config/logging.js';
import { projectRoot } from '../../config/root.js';
import { FolderStore } from '../../lake/index.js';
import { connectOrStart } from '../../workers/engine.js';
import type { RefreshInput } from '../../workflows/messages.js';

export interface BenchCluster {
  client: Client;
  address: string;
  namespace: string;
  store: FolderStore;
  threads: number;
  workerPid: number;
  enginePid: number | undefined;
  refresh(request: RefreshInput): Promise<RunSummary>;
  stop(): Promise<void>;
}

/** An engine and one worker process of a fresh home, as `georefresh up` would start them, with settings by environment. */
export async function startBenchCluster(home: string, settings: NodeJS.ProcessEnv = {}): Promise<BenchCluster> {
  const log = createLogger({ level: 'warn', file: join(home, 'logs', 'bench.log') });
  const engine = await connectOrStart({ home, log });
  const worker = fork(
    join(projectRoot(), 'dist', 'workers', 'main.js'),
    ['--address', engine.connection.address, '--namespace', engine.namespace],
    { env: { ...process.env, ...settings, GEOREFRESH_HOME: home }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  await once(worker, 'message');
  const connection = await Connection.connect(engine.connection);
  const client = new Client({ connection, namespace: engine.namespace });
  if (worker.pid === undefined) throw new Error('the worker has no process');
  return {
    client,
    address: engine.connection.address,
    namespace: engine.namespace,
    store: await FolderStore.open(home),
    threads: Number(process.env.GEOREFRESH_THREADS ?? (await import('node:os')).availableParallelism()),
    workerPid: worker.pid,
    enginePid: engine.pid,
    refresh: async (request) => (await startRefresh(client, request)).result(),
    async stop() {
      await connection.close();
      const ended = once(worker, 'exit');
      worker.kill('SIGTERM');
      await ended;
      await engine.release();
    },
  };
}
