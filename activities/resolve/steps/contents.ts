import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { codeOf } from '../../../config/errors.js';
import type { ResolvedSource } from '../../../config/sources.js';
import { hashFile, sha256Of } from '../../../lake/hashing.js';
import { keyOf } from '../../../lake/keys.js';
import type { Lake } from '../../../lake/lake.js';
import { jsonBytes, loose, parseAs } from '../../../lake/manifest.js';
import type { CallOptions } from '../../../lake/types.js';

/** A file that changed so shortly ago may change again within the same tick of its clock. */
const SETTLED_MS = 2000;

const noted = loose({ version: z.literal(1), sha256: z.string(), bytes: z.number() });

/**
 * Digest of each source file's bytes. A file with the size, time and inode of one that was read before has its bytes;
 * any other is read. With `dry` nothing is noted. Files that vanish meanwhile are left out: reading them will say so.
 */
export async function contentsOf(
  lake: Lake,
  pipeline: string,
  sources: readonly ResolvedSource[],
  { dry = false, ...options }: CallOptions & { dry?: boolean },
): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  const byPath = new Map<string, string>();
  for (const { name, path, present } of sources) {
    if (!present) continue;
    const content = byPath.get(path) ?? (await contentOf(lake, pipeline, path, dry, options));
    if (content === undefined) continue;
    byPath.set(path, content);
    contents[name] = content;
  }
  return contents;
}

async function contentOf(
  { store }: Lake,
  pipeline: string,
  path: string,
  dry: boolean,
  options: CallOptions,
): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return undefined;
  const fingerprint = `${path} ${found.size} ${found.mtimeNs} ${found.ctimeNs} ${found.ino}`;
  const place = keyOf('lake', pipeline, 'state', 'sources', `file-${sha256Of(fingerprint)}.json`);
  const known = await store.get(place, options).catch((error: unknown) => {
    if (codeOf(error) !== 'GR-4004') throw error;
  });
  if (known !== undefined) {
    try {
      return parseAs(noted, known, place).sha256;
    } catch {
      if (!dry) await store.delete(place, options);
    }
  }
  const { sha256, bytes } = await hashFile(path, options);
  const latest = Math.max(Number(found.mtimeMs), Number(found.ctimeMs));
  if (!dry && bytes === Number(found.size) && latest < Date.now() - SETTLED_MS)
    await store.putIfAbsent(place, jsonBytes({ version: 1, sha256, bytes }), options);
  return sha256;
}
