import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest, Pointer } from '../../lake/index.js';

/** About a hundred looks a second. */
const PAUSE_MS = 10;

export interface Reading {
  looks: number;
  /** What was seen that was not whole, in words. */
  torn: string[];
}

/**
 * Reads a home as somebody outside does, over and over while it is disturbed: the visible pointer, the snapshot that it
 * names and the one that `latest` leads to, every file with its digest. The home must have published before.
 */
export function startReader(home: string, pipeline: string): { stop(): Promise<Reading> } {
  const reading: Reading = { looks: 0, torn: [] };
  const digests = new Map<string, string>();
  let reads = true;

  /** The digest of a file, taken again whenever the file is another one or was written to. */
  const digestOf = async (path: string): Promise<string> => {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    const key = [path, ino, size, mtimeMs, ctimeMs].join(' ');
    const known = digests.get(key);
    if (known !== undefined) return known;
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    digests.set(key, digest);
    return digest;
  };
  const check = async (folder: string): Promise<string[]> => {
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest;
    const wrong: string[] = [];
    for (const { name, sha256 } of manifest.outputs)
      if ((await digestOf(join(folder, name))) !== sha256) wrong.push(`${folder}/${name} is not that of its manifest`);
    return wrong;
  };
  const look = async (): Promise<string[]> => {
    const text = await readFile(join(home, 'lake', pipeline, 'state', 'current.json'), 'utf8');
    const pointer = JSON.parse(text) as Pointer;
    const manifest = await digestOf(join(home, pointer.manifest.uri));
    const wrong = manifest === pointer.manifest.sha256 ? [] : [`${pointer.manifest.uri} is not that of the pointer`];
    // Whoever opens `latest` stays in the folder that it led to then.
    const latest = await realpath(join(home, 'outputs', pipeline, 'latest'));
    return [...wrong, ...(await check(join(home, pointer.snapshot))), ...(await check(latest))];
  };
  const loop = async (): Promise<void> => {
    for (; reads; reading.looks++) {
      reading.torn.push(...(await look().catch((error: unknown) => [String(error)])));
      await sleep(PAUSE_MS);
    }
  };
  const done = loop();
  return {
    async stop() {
      reads = false;
      await done;
      return reading;
    },
  };
}
