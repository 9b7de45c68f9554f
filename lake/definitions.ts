import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MAX_TEXT_BYTES } from '../config/documents/files.js';
import { codeOf, GeorefreshError } from '../config/errors.js';
import type { Brought, BucketAccess } from '../config/places.js';
import { absent, placeFile, syncFolder } from './durable.js';
import { sha256Of } from './hashing.js';
import { openStore } from './open-store.js';
import { parseSealed, sealedBytes } from './sealed.js';
import { eachOf } from './slots.js';
import type { ObjectStore } from './types.js';

/** Files of definitions that a place may hold, and names of any kind that are looked through. */
const MOST_FILES = 1000;
const MOST_NAMES = 10_000;
const AT_ONCE = 8;
/** How often a place is looked at anew that was changed while it was read. */
const LOOKS = 5;
/** What was brought stays so long at least: who loads a definition from it is long done. */
const STAYS_MS = 3_600_000;
const INDEX = 'index.json';

/** `pipeline/file`; what people keep beside that is none of ours. */
const DEFINITION = /^[a-z][a-z0-9-]{0,40}\/(?:pipeline\.yaml|[A-Za-z0-9_-]+\.sql)$/;
const CODE = /^[a-z][a-z0-9-]{0,40}\/[\w.-]+\.[cm]?[jt]s$/;

const indexSchema = z.looseObject({
  version: z.literal(1),
  files: z.array(z.looseObject({ name: z.string(), state: z.string(), sha256: z.string() })),
});

type Index = z.infer<typeof indexSchema>['files'];

interface Found {
  name: string;
  state: string;
}

/** Loads of one place at a time share one look. */
const underWay = new Map<string, Promise<Brought>>();

/**
 * Brings the definitions below a prefix of a bucket to a folder of the home, whose name is the digest of all names and
 * ETags: one listing tells whether it is there already, and of a new state only the files that changed are fetched. A
 * folder is complete when it has its name, and is never changed.
 *
 * GR-1003 where there are more than 1000 files of definitions or a larger one than 1 MB; GR-4006 never: what was
 * altered of a folder is fetched again. Else the errors of stores.
 */
export function bringFrom(uri: string, access: BucketAccess): Promise<Brought> {
  const key = JSON.stringify([uri, access.home, access.storage]);
  const known = underWay.get(key);
  if (known !== undefined) return known;
  const brought = look(uri, access).finally(() => underWay.delete(key));
  underWay.set(key, brought);
  return brought;
}

async function look(uri: string, { home, storage = {} }: BucketAccess): Promise<Brought> {
  if (home === undefined) throw new GeorefreshError('GR-1002', `${uri} needs a home to be brought to`);
  const root = join(home, 'definitions', sha256Of(uri).slice(0, 16));
  const store = await openStore(uri, storage);
  try {
    for (let looks = 1; looks <= LOOKS; looks++) {
      const { files, code } = await listed(store);
      const folder = join(root, digestOf(files).slice(0, 32));
      if (await isWhole(folder)) return { folder, code };
      await mkdir(root, { recursive: true });
      const temporary = await mkdtemp(join(root, '.new-'));
      try {
        // What was fetched is of the states that were listed only if those are there still.
        const isFetched = await fetchAll(store, root, temporary, files);
        if (!isFetched || digestOf((await listed(store)).files) !== digestOf(files)) continue;
        await takeName(temporary, folder);
        await letGo(root, folder);
        return { folder, code };
      } finally {
        await rm(temporary, { recursive: true, force: true });
      }
    }
  } finally {
    store.close?.();
  }
  throw new GeorefreshError('GR-5002', `${uri} was changed ${LOOKS} times while it was read`);
}

const digestOf = (files: readonly Found[]): string => sha256Of(JSON.stringify(files.map((f) => [f.name, f.state])));

async function listed(store: ObjectStore): Promise<{ files: Found[]; code: string[] }> {
  const [files, code]: [Found[], string[]] = [[], []];
  let names = 0;
  const many = (what: string): GeorefreshError =>
    new GeorefreshError('GR-1003', `${store.base} holds more than ${what}; a place of definitions holds nothing else`);
  for await (const { key, bytes, state = '' } of store.list('')) {
    if (++names > MOST_NAMES) throw many(`${MOST_NAMES} objects`);
    if (CODE.test(key)) code.push(key);
    if (!DEFINITION.test(key)) continue;
    if (bytes > MAX_TEXT_BYTES)
      throw new GeorefreshError('GR-1003', `${store.uri(key)} has ${bytes} bytes; at most ${MAX_TEXT_BYTES} are read`);
    if (files.push({ name: key, state: `${bytes} ${state}` }) > MOST_FILES) throw many(`${MOST_FILES} files`);
  }
  return { files, code };
}

/** Makes a folder with all files: those whose state was brought before are taken from there. False where one is gone. */
async function fetchAll(store: ObjectStore, root: string, folder: string, files: readonly Found[]): Promise<boolean> {
  const before = await broughtBefore(root);
  const index: Index = [];
  for (const pipeline of new Set(files.map(({ name }) => name.split('/')[0] ?? '')))
    await mkdir(join(folder, pipeline));
  await eachOf(files.length, AT_ONCE, async (number) => {
    const { name, state } = files[number - 1] as Found;
    const bytes =
      before.get(`${name} ${state}`) ?? (await store.get(name, { atMost: MAX_TEXT_BYTES }).catch(unlessGone));
    if (bytes === undefined) return;
    await placeFile(join(folder, name), bytes);
    index.push({ name, state, sha256: sha256Of(bytes) });
  });
  if (index.length < files.length) return false;
  await placeFile(join(folder, INDEX), sealedBytes({ version: 1, files: index }));
  return true;
}

function unlessGone(error: unknown): undefined {
  if (codeOf(error) !== 'GR-4004') throw error;
}

/** Bytes that were brought before and are still whole, by name and state. */
async function broughtBefore(root: string): Promise<Map<string, Uint8Array>> {
  const known = new Map<string, Uint8Array>();
  for (const name of await readdir(root)) {
    const folder = join(root, name);
    for (const file of name.startsWith('.') ? [] : ((await indexOf(folder)) ?? [])) {
      const bytes = await readFile(join(folder, file.name)).catch(absent);
      if (bytes !== undefined && sha256Of(bytes) === file.sha256) known.set(`${file.name} ${file.state}`, bytes);
    }
  }
  return known;
}

/** What a folder was brought with; undefined where there is none, or where that cannot be read. */
async function indexOf(folder: string): Promise<Index | undefined> {
  const bytes = await readFile(join(folder, INDEX)).catch(absent);
  if (bytes === undefined) return undefined;
  try {
    return parseSealed(indexSchema, bytes, INDEX).files;
  } catch {
    return undefined;
  }
}

/** Whether all files of a folder are as they were brought: they are small, and people edit what they find. */
async function isWhole(folder: string): Promise<boolean> {
  const files = await indexOf(folder);
  for (const { name, sha256 } of files ?? []) {
    const found = await readFile(join(folder, name)).catch(absent);
    if (found === undefined || sha256Of(found) !== sha256) return false;
  }
  return files !== undefined;
}

/** Another process may have been faster; what it brought is the same. What was altered gives way. */
async function takeName(temporary: string, folder: string): Promise<void> {
  if (await isWhole(folder)) return;
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder).catch(async (error: unknown) => {
    if (!(await isWhole(folder))) throw error;
  });
  await syncFolder(join(folder, '..'));
}

async function letGo(root: string, current: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name);
    const found = await stat(path).catch(absent);
    if (path !== current && found !== undefined && Date.now() - found.mtimeMs > STAYS_MS)
      await rm(path, { recursive: true, force: true });
  }
}
