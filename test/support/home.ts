import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];

/** A fresh folder for one test, with links resolved (macOS's temporary folder is one); removed when the file is done. */
export async function temporaryFolder(name = 'folder'): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), `georefresh-${name}-`)));
  made.push(folder);
  return folder;
}

/** A fresh GEOREFRESH_HOME. */
export const temporaryHome = (): Promise<string> => temporaryFolder('home');

afterAll(async () => {
  // Windows keeps files of processes that have just ended busy for a moment.
  await Promise.all(made.splice(0).map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 5 })));
});
