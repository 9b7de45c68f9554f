import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestServer } from './engine.js';

/** Keeps a history for the replay tests, where GEOREFRESH_RECORD_HISTORIES names a folder for them. */
export async function recordHistory(
  server: TestServer,
  workflowId: string,
  name: string,
  runId?: string,
): Promise<void> {
  const folder = process.env.GEOREFRESH_RECORD_HISTORIES;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), await server.historyOf(workflowId, runId));
}
