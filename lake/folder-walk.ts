import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { absent } from './durable.js';

export interface Listed {
  key: string;
  bytes: number;
  modified: Date;
  state?: string;
}

/** Files below a folder whose keys begin with a prefix, in ascending order of keys. Links and dotted names are left out. */
export async function* walkFolder(
  folder: string,
  at: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncIterable<Listed> {
  signal?.throwIfAborted();
  const entries = await readdir(folder, { withFileTypes: true }).catch(absent);
  // A folder sorts as its keys do, with the slash: "a-b" stands before "a/b".
  const names = (entries ?? [])
    .filter((entry) => !entry.name.startsWith('.') && (entry.isFile() || entry.isDirectory()))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort(byCodePoint);
  for (const name of names) {
    const key = at + name;
    const path = join(folder, name);
    if (name.endsWith('/')) {
      if (key.startsWith(prefix) || prefix.startsWith(key)) yield* walkFolder(path, key, prefix, signal);
    } else if (key.startsWith(prefix)) {
      const found = await stat(path).catch(absent);
      if (found !== undefined) yield { key, bytes: found.size, modified: found.mtime };
    }
  }
}

/** Names beyond the basic plane sort behind all others, as in stores of other kinds; in UTF-16 some would not. */
const byCodePoint = (a: string, b: string): number => {
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
};

const SURROGATE = /[\ud800-\udfff]/;
