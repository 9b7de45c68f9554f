import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lake, openLake } from '../../../lake/lake.js';

/** Runs `work` with an empty folder that goes afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'georefresh-lake-')));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `work` with a lake on an empty folder. */
export async function withLake<T>(work: (lake: Lake, home: string) => Promise<T>, threads = 2): Promise<T> {
  return withFolder(async (home) => {
    const lake = await openLake({ home, scratchBytes: 1 << 28, memoryLimit: '512MB', threads });
    try {
      return await work(lake, home);
    } finally {
      await lake.close();
    }
  });
}
