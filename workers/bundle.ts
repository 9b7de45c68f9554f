import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundlePath } from '@temporalio/worker';
import type { Logger } from 'pino';
import { projectRoot } from '../config/root.js';

const KEPT = 5;

/**
 * The workflow code as one file, built where its sources, or what they import, have changed, and kept by their digest:
 * building it takes over a second, reading it none.
 */
export async function workflowBundle(folder: string, log: Logger): Promise<WorkflowBundlePath> {
  const source = ['index.js', 'index.ts']
    .map((name) => fileURLToPath(new URL(`../workflows/${name}`, import.meta.url)))
    .find(existsSync);
  if (source === undefined) throw new Error('workflows/index is not beside the workers');
  const codePath = join(folder, `workflows-${await digest(source)}.js`);
  if (existsSync(codePath)) return { codePath };

  const { code } = await bundleWorkflowCode({
    workflowsPath: source,
    logger: { ...quiet, warn: (message) => log.warn(message), error: (message) => log.error(message) },
  });
  await mkdir(folder, { recursive: true });
  const draft = `${codePath}.${process.pid}`;
  await writeFile(draft, code);
  await rename(draft, codePath);
  await prune(folder, codePath);
  return { codePath };
}

const nothing = (): void => undefined;
const quiet = { log: nothing, trace: nothing, debug: nothing, info: nothing };

/** Of everything the bundle may hold: the workflows, the values they import from config, and the SDK's version. */
async function digest(source: string): Promise<string> {
  const rooms = ['../workflows', '../config'].map((room) => fileURLToPath(new URL(room, import.meta.url)));
  const files = (
    await Promise.all(
      rooms.map(async (room) =>
        (await readdir(room)).filter((name) => /\.[jt]s$/.test(name)).map((name) => join(room, name)),
      ),
    )
  ).flat();
  const hash = createHash('sha256').update(source);
  for (const file of files.sort()) hash.update(file).update(await readFile(file));
  hash.update(await readFile(join(projectRoot(), 'package-lock.json')).catch(() => ''));
  return hash.digest('hex').slice(0, 16);
}

async function prune(folder: string, current: string): Promise<void> {
  const bundles = (await readdir(folder))
    .filter((name) => /^workflows-.*\.js$/.test(name))
    .map((name) => join(folder, name));
  for (const path of bundles.filter((bundle) => bundle !== current).slice(0, -KEPT)) await rm(path, { force: true });
}
