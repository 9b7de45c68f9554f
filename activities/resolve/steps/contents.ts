import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Pipeline } from '../../../config/definition/pipeline.js';
import { isAddress, isGlob, type Source } from '../../../config/definition/source.js';
import { codeOf } from '../../../config/errors.js';
import { matchFiles, type ResolvedSources } from '../../../config/sources.js';
import { hashFile, sha256Of } from '../../../lake/hashing.js';
import { keyOf } from '../../../lake/keys.js';
import type { Lake } from '../../../lake/lake.js';
import { loose } from '../../../lake/manifest.js';
import { listOverlays } from '../../../lake/overlays.js';
import { anyKept } from '../../../lake/reuse.js';
import { parseSealed, sealedBytes } from '../../../lake/sealed.js';
import type { CallOptions, ObjectStore } from '../../../lake/types.js';
import type { Deps } from '../../deps.js';
import type { ResolveInput } from '../../types.js';
import type { FrozenDefinition } from '../frozen.js';

/** A file that changed so shortly ago may change again within the same tick of its clock. */
const SETTLED_MS = 2000;

const noted = loose({ version: z.literal(1), sha256: z.string(), bytes: z.number() });

/** What a source was when it was looked at, by the names that an ingest step's ingredients have. */
export type Contents = Readonly<Record<string, string>>;

/** Digest of a source's bytes; of the files that a pattern names, of their names too. */
export const contentOfFiles = (
  source: Pick<Source, 'uri'>,
  files: readonly { name: string; sha256: string }[],
): string =>
  isGlob(source) ? sha256Of(files.map(({ name, sha256 }) => `${sha256} ${name}\n`).join('')) : (files[0]?.sha256 ?? '');

/** What an ingest step goes by beside its definition and code: bytes, and rows that were mended since. */
export const contentsFrom = (content: string, overlay: { sha256: string } | undefined): Contents => ({
  content,
  ...(overlay && { 'mended rows': overlay.sha256 }),
});

/**
 * What each source is. A file with the size, time and inode of one that was read before has its bytes; any other is read.
 * With `dry` nothing is noted. Left out are addresses, which only fetching tells of, and files that vanish meanwhile:
 * reading them will say so.
 */
export async function contentsOf(
  lake: Lake,
  { name: pipeline, sources: definitions }: Pick<Pipeline, 'name' | 'sources'>,
  { root, sources }: Pick<ResolvedSources, 'root' | 'sources'>,
  { dry = false, ...options }: CallOptions & { dry?: boolean },
): Promise<Record<string, Contents>> {
  const contents: Record<string, Contents> = {};
  const overlays = await listOverlays(lake.store, pipeline, options);
  const byPath = new Map<string, Promise<string | undefined>>();
  const look = (path: string): Promise<string | undefined> => {
    const asked = byPath.get(path) ?? contentOf(lake, pipeline, path, dry, options);
    byPath.set(path, asked);
    return asked;
  };
  for (const { name, path, present } of sources) {
    const source = definitions[name];
    if (!present || source === undefined || isAddress(source.uri)) continue;
    const names = isGlob(source) ? await matchFiles(root, name, source.uri) : [source.uri];
    const files: { name: string; sha256: string }[] = [];
    for (const file of names) {
      const sha256 = await look(isGlob(source) ? join(root, file) : path);
      if (sha256 !== undefined) files.push({ name: file, sha256 });
    }
    if (files.length < names.length) continue;
    contents[name] = contentsFrom(contentOfFiles(source, files), overlays.get(name));
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
  const found = await statOf(path);
  if (found === undefined) return undefined;
  const place = placeOf(pipeline, path, found);
  const known = await noteAt(store, place, options);
  if (known === 'damaged') {
    if (!dry) await store.delete(place, options);
  } else if (known !== undefined) return known;
  const { sha256, bytes } = await hashFile(path, options);
  const latest = Math.max(Number(found.mtimeMs), Number(found.ctimeMs));
  if (!dry && bytes === Number(found.size) && latest < Date.now() - SETTLED_MS)
    await store.putIfAbsent(place, sealedBytes({ version: 1, sha256, bytes }), options);
  return sha256;
}

/** Digest of a file that was read before, by its size, times and inode; undefined where only reading it tells. */
export async function knownContent(
  { store }: Pick<Lake, 'store'>,
  pipeline: string,
  path: string,
  options: CallOptions,
): Promise<string | undefined> {
  const found = await statOf(path);
  const known = found && (await noteAt(store, placeOf(pipeline, path, found), options));
  return known === 'damaged' ? undefined : known;
}

const statOf = (path: string): Promise<BigIntStats | undefined> => stat(path, { bigint: true }).catch(() => undefined);

const placeOf = (pipeline: string, path: string, { size, mtimeNs, ctimeNs, ino }: BigIntStats): string =>
  keyOf('lake', pipeline, 'state', 'sources', `file-${sha256Of(`${path} ${size} ${mtimeNs} ${ctimeNs} ${ino}`)}.json`);

async function noteAt(
  store: ObjectStore,
  place: string,
  options: CallOptions,
): Promise<string | 'damaged' | undefined> {
  const bytes = await store.get(place, options).catch((error: unknown): undefined => {
    if (codeOf(error) !== 'GR-4004') throw error;
  });
  try {
    return bytes && parseSealed(noted, bytes, place).sha256;
  } catch {
    return 'damaged';
  }
}

/** What the sources' bytes are known by; nothing where no result is kept that they could be compared with. */
export async function contentsFor(
  { lake }: Deps,
  { pipeline, dry = false, force }: ResolveInput,
  definition: FrozenDefinition,
  found: ResolvedSources,
  options: CallOptions,
): Promise<Record<string, Contents>> {
  if (found.sample) {
    const overlays = await listOverlays(lake.store, pipeline, options);
    const known = definition.sources.map(({ name, generator = '' }) => [
      name,
      contentsFrom(generator, overlays.get(name)),
    ]);
    return Object.fromEntries(known) as Record<string, Contents>;
  }
  if (force || !(await anyKept(lake, pipeline, options))) return {};
  return contentsOf(lake, definition.pipeline, found, { dry, ...options });
}
