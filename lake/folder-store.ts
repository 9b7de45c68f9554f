import { constants } from 'node:fs';
import { copyFile, link, open, realpath, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GeorefreshError } from '../config/errors.js';
import {
  absent,
  codeOf,
  exists,
  forgetFolder,
  makeFolder,
  makeRoot,
  placeFile,
  replaceFile,
  storeError,
  syncFolder,
} from './durable.js';
import { aliasFolder } from './folder-alias.js';
import { FolderRegister } from './folder-register.js';
import { type Listed, walkFolder } from './folder-walk.js';
import { checkKey } from './keys.js';
import type { Body, CallOptions, ObjectStore, Registered, Version } from './types.js';

const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/**
 * An object store on a folder of a local file system.
 *
 * Objects are files, made under a temporary name beside their place, synced, and linked to it; so readers see a whole
 * object or none, and an object is never replaced. `{path}` bodies are copied (by reference where the file system can:
 * no later edit of the source reaches the object); with `link` they share the file. Registers: `folder-register.ts`.
 * Links may lead about inside the root, never out of it. That is checked before each call and not under a lock: the
 * folder belongs to its user, and what is guarded against is a link in dropped inputs, not a rival with the same rights.
 */
export class FolderStore implements ObjectStore {
  readonly base: string;
  readonly #root: string;
  readonly #registers = new Map<string, FolderRegister>();

  private constructor(root: string) {
    this.#root = root;
    this.base = pathToFileURL(root).href;
  }

  /** Opens the store on a folder, which is made if it is absent. */
  static async open(folder: string): Promise<FolderStore> {
    const wanted = resolve(folder);
    try {
      await makeRoot(wanted);
      return new FolderStore(await realpath(wanted));
    } catch (error) {
      throw storeError(error, `opening ${wanted}`);
    }
  }

  uri(key: string): string {
    return pathToFileURL(join(this.#root, checkKey(key))).href;
  }

  async putIfAbsent(key: string, body: Body, { signal }: CallOptions = {}): Promise<'created' | 'exists'> {
    return this.#call(`writing ${key}`, signal, async () => {
      const path = await this.#pathToWrite(key);
      try {
        return await placeFile(path, body);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || (await exists(dirname(path)))) throw error;
        // The folder was collected between its making and this write; it is made once more, and then the error stands.
        return placeFile(await this.#pathToWrite(key), body);
      }
    });
  }

  async get(key: string, { signal, atMost }: CallOptions & { atMost?: number } = {}): Promise<Uint8Array> {
    return this.#call(`reading ${key}`, signal, async () => {
      const handle = await open(await this.#pathToRead(key), constants.O_RDONLY | NO_FOLLOW);
      try {
        if (atMost === undefined) return await handle.readFile();
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(atMost), 0, atMost, 0);
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    });
  }

  async head(key: string, { signal }: CallOptions = {}): Promise<{ bytes: number; state: string } | undefined> {
    return this.#call(`looking at ${key}`, signal, () => this.#look(key));
  }

  async replace(key: string, body: Body, state: string, { signal }: CallOptions = {}): Promise<'replaced' | 'changed'> {
    return this.#call(`mending ${key}`, signal, async () => {
      const isStill = async (): Promise<boolean> => (await this.#look(key))?.state === state;
      if (!(await isStill())) return 'changed';
      return replaceFile(await this.#pathToRead(key), body, isStill);
    });
  }

  async download(key: string, path: string, options: CallOptions & { link?: boolean } = {}): Promise<void> {
    await this.#call(`fetching ${key}`, options.signal, async () => {
      const source = await this.#pathToRead(key);
      if (options.link === true && (await linked(source, path))) return;
      await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    });
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncIterable<Listed> {
    const slash = prefix.lastIndexOf('/');
    const folder = slash < 0 ? '' : checkKey(prefix.slice(0, slash));
    signal?.throwIfAborted();
    const start = folder === '' ? this.#root : await this.#pathToRead(folder).catch(absent);
    if (start !== undefined) yield* walkFolder(start, folder === '' ? '' : `${folder}/`, prefix, signal);
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#call(`deleting ${key}`, signal, async () => {
      const path = await this.#pathToRead(key).catch(absent);
      if (path === undefined) return;
      await unlink(path).catch(absent);
      await syncFolder(dirname(path)).catch(absent);
      await removeEmptied(dirname(path), this.#root);
    });
  }

  async read(key: string, { signal }: CallOptions = {}): Promise<Registered | undefined> {
    return this.#call(`reading ${key}`, signal, async () => {
      const folder = await realpath(dirname(join(this.#root, checkKey(key)))).catch(absent);
      return folder === undefined ? undefined : (await this.#register(key, false)).read();
    });
  }

  async swap(
    key: string,
    value: Uint8Array,
    expected: Version | undefined,
    { signal }: CallOptions = {},
  ): Promise<Version | 'conflict'> {
    return this.#call(`writing ${key}`, signal, async () => (await this.#register(key, true)).swap(value, expected));
  }

  async settle(key: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#call(`writing ${key}`, signal, async () => (await this.#register(key, true)).settle());
  }

  async alias(key: string, target: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#call(`linking ${key}`, signal, async () => {
      const source = await this.#pathToRead(target);
      const folder = await this.#folderToWrite(dirname(join(this.#root, checkKey(key))));
      await aliasFolder(join(folder, basename(key)), source);
    });
  }

  async #call<T>(doing: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw storeError(error, `${doing} in ${this.base}`);
    }
  }

  async #look(key: string): Promise<{ bytes: number; state: string } | undefined> {
    const path = await this.#pathToRead(key).catch(absent);
    const found = path === undefined ? undefined : await stat(path, { bigint: true }).catch(absent);
    if (!found?.isFile()) return undefined;
    return { bytes: Number(found.size), state: `${found.size} ${found.ino} ${found.mtimeNs}` };
  }

  async #register(key: string, toWrite: boolean): Promise<FolderRegister> {
    const path = toWrite ? await this.#pathToWrite(key) : await this.#placeToRead(key);
    const known = this.#registers.get(path) ?? new FolderRegister(path);
    this.#registers.set(path, known);
    return known;
  }

  /** The real path of an existing object or folder. */
  async #pathToRead(key: string): Promise<string> {
    return this.#inside(await realpath(join(this.#root, checkKey(key))));
  }

  /** The path of a name that may be absent, in a real folder. */
  async #placeToRead(key: string): Promise<string> {
    const path = join(this.#root, checkKey(key));
    return join(this.#inside(await realpath(dirname(path))), basename(path));
  }

  async #pathToWrite(key: string): Promise<string> {
    const path = join(this.#root, checkKey(key));
    return join(await this.#folderToWrite(dirname(path)), basename(path));
  }

  /** The real path of a folder under the root, made where it is absent. */
  async #folderToWrite(folder: string): Promise<string> {
    // The ancestors that exist are looked at before anything is made: making follows links.
    let existing = folder;
    while (existing !== this.#root && !(await exists(existing))) existing = dirname(existing);
    this.#inside(await realpath(existing));
    if (existing !== folder) forgetFolder(folder);
    await makeFolder(folder, this.#root);
    return this.#inside(await realpath(folder));
  }

  #inside(real: string): string {
    if (real === this.#root || real.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep)) return real;
    throw new GeorefreshError('GR-5004', `${real} lies outside the store ${this.#root}`);
  }
}

/** Folders go with the last of their files, as in a bucket. Whoever writes there at that moment makes them anew. */
async function removeEmptied(folder: string, root: string): Promise<void> {
  for (let at = folder; at !== root; at = dirname(at)) {
    forgetFolder(at);
    const gone = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!gone) return;
  }
}

async function linked(source: string, path: string): Promise<boolean> {
  try {
    await link(source, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') throw error;
    return false;
  }
}
