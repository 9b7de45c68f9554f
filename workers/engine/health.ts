import { connect as openSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { GeorefreshError } from '../../config/errors.js';
import { isAlive } from './process.js';
import type { EngineRecord } from './state.js';

/** All ports of the embedded engine are bound here: it has no authentication. */
export const LOOPBACK = '127.0.0.1';

/** An engine that is there already answers at once, unless it is frozen or the machine is. */
export const FOUND_HEALTHY_MS = 30_000;
const POLL_MS = 50;
const PROBE_MS = 2_000;

/**
 * Waits until an engine's process serves its namespace. GR-5001 where it ends, or does not within `timeoutMs`: the message
 * says which, because a frozen engine must not be replaced by a second one on the same file.
 */
export async function waitHealthy(
  record: EngineRecord,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    if (!isAlive(record)) throw new GeorefreshError('GR-5001', `the engine's process ${record.pid} ended`);
    // A refused gRPC connection backs off for a second and more; a bare socket tells at once.
    if ((await accepts(record.port)) && (await isServing(record))) return;
    if (performance.now() > end) {
      const state = `process ${record.pid} runs, but does not answer on ${LOOPBACK}:${record.port}`;
      throw new GeorefreshError('GR-5001', `${state} within ${Math.round(timeoutMs / 1000)} s`);
    }
    await sleep(POLL_MS);
  }
}

/** Whether the engine says that it serves, and knows its namespace (which it registers a moment later). */
async function isServing({ port, namespace }: EngineRecord): Promise<boolean> {
  const connection = Connection.lazy({ address: `${LOOPBACK}:${port}`, interceptors: [] });
  try {
    return await connection.withDeadline(Date.now() + PROBE_MS, async () => {
      await connection.ensureConnected();
      await connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' });
      await connection.workflowService.describeNamespace({ namespace });
      return true;
    });
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = openSocket({ host: LOOPBACK, port, timeout: PROBE_MS });
    const settle = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket
      .once('connect', () => settle(true))
      .once('error', () => settle(false))
      .once('timeout', () => settle(false));
  });
