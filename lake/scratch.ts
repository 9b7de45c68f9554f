import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchFile } from './artifacts.js';
import { absent, storeError } from './durable.js';
import { copyHashed, hashFile } from './hashing.js';
import { processName, removeOrphans } from './processes.js';
import type { Artifact, CallOptions, ObjectStore } from './types.js';

/** The seal of an entry that is no longer found: no file has it. */
const DROPPED = 'dropped';

interface Entry {
  path: string;
  bytes: number;
  /** How many use the file or wait for it; counted before anything is awaited, so that eviction never takes it from them. */
  users: number;
  /** Size, inode and time of change when the digest was last checked. */
  seal: string;
  /** Settles when the file is there. */
  ready: Promise<void>;
  /** Of the holder who had it fetched: if that one gives up, another fetches. */
  signal: AbortSignal | undefined;
}

/** A file of the scratch folder that stays until it is released. */
export interface Held {
  path: string;
  release(): void;
}

/**
 * The folder of this process where objects lie as local files: content-addressed, bounded, evicted least recently used
 * first. Files in use are never evicted, so the bound may be passed by what is used at one time. Everything here can
 * be had again from the store; nothing is synced, and the folder goes with its process.
 */
export class Scratch {
  /** Absolute path of the folder: DuckDB is let into this one and no other. */
  readonly dir: string;
  readonly #store: ObjectStore;
  readonly #limit: number;
  /** In order of last use, which Map keeps as order of insertion. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #made = 0;

  private constructor(store: ObjectStore, dir: string, limit: number) {
    this.#store = store;
    this.dir = dir;
    this.#limit = limit;
  }

  /** Opens a folder of this process under `root` and removes those of processes that have ended. */
  static async open(options: { store: ObjectStore; root: string; bytes: number }): Promise<Scratch> {
    const dir = join(options.root, `${processName()}-${randomBytes(4).toString('hex')}`);
    try {
      await removeOrphans(options.root);
      await mkdir(join(dir, 'objects'), { recursive: true });
      await mkdir(join(dir, 'made'));
    } catch (error) {
      throw storeError(error, `opening ${dir}`);
    }
    return new Scratch(options.store, dir, options.bytes);
  }

  /** A path for a file to be made. It is the caller's: `adopt` it, or `discard` it. */
  newFile(ext: string): string {
    return join(this.dir, 'made', `${randomBytes(12).toString('hex')}.${ext}`);
  }

  async discard(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  /** Copies a file that others may be writing, once, and gives the digest of exactly the bytes copied. */
  async capture(
    path: string,
    ext: string,
    options: CallOptions = {},
  ): Promise<{ path: string; sha256: string; bytes: number }> {
    const copy = this.newFile(ext);
    try {
      return { path: copy, ...(await copyHashed(path, copy, options)) };
    } catch (error) {
      await this.discard(copy);
      throw error;
    }
  }

  /** Takes a made file over as the local copy of the object it was just put as: the next user need not fetch it. */
  async adopt(path: string, ref: Artifact): Promise<void> {
    if (this.#entries.has(ref.sha256)) return this.discard(path);
    const entry = this.#enter(ref, undefined, (target) => rename(path, target));
    entry.users++;
    try {
      await entry.ready;
    } finally {
      this.#leave(entry);
    }
    await this.#evict();
  }

  /** The object as a local file with a checked digest (GR-4005 names a wrong one), held until released. */
  async hold(ref: Artifact, options: CallOptions = {}): Promise<Held> {
    for (;;) {
      options.signal?.throwIfAborted();
      const known = this.#entries.get(ref.sha256);
      const entry =
        known ??
        this.#enter(ref, options.signal, (path) => fetchFile(this.#store, ref, path, { ...options, link: true }));
      entry.users++;
      try {
        await entry.ready;
        if (known === undefined || (await this.#isUnaltered(ref, entry, options))) return await this.#held(ref, entry);
      } catch (error) {
        this.#leave(entry);
        const givenUp = known !== undefined && entry.signal?.aborted === true && options.signal?.aborted !== true;
        if (!givenUp) throw error;
        continue;
      }
      // Those who have the altered file open keep it until they release it; from here on it is fetched anew.
      this.#drop(ref, entry);
      this.#leave(entry);
    }
  }

  /** Runs `work` with the object as a local file. */
  async use<T>(ref: Artifact, work: (path: string) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const held = await this.hold(ref, options);
    try {
      return await work(held.path);
    } finally {
      held.release();
    }
  }

  async close(): Promise<void> {
    this.#entries.clear();
    await rm(this.dir, { recursive: true, force: true });
  }

  async #held(ref: Artifact, entry: Entry): Promise<Held> {
    if (this.#entries.get(ref.sha256) === entry) {
      this.#entries.delete(ref.sha256);
      this.#entries.set(ref.sha256, entry);
    }
    await this.#evict();
    let held = true;
    const release = (): void => {
      if (held) this.#leave(entry);
      held = false;
    };
    return { path: entry.path, release };
  }

  #enter(ref: Artifact, signal: AbortSignal | undefined, bring: (path: string) => Promise<void>): Entry {
    // DuckDB and others tell formats by the name's end. The number keeps a file that is going apart from one that comes.
    const ext = /\.[a-z0-9.]{1,16}$/.exec(ref.uri)?.[0] ?? '';
    const path = join(this.dir, 'objects', `${ref.sha256}-${this.#made++}${ext}`);
    const entry: Entry = { path, bytes: ref.bytes, users: 0, seal: '', ready: Promise.resolve(), signal };
    this.#entries.set(ref.sha256, entry);
    this.#bytes += entry.bytes;
    entry.ready = bring(path).then(
      async () => {
        entry.seal = await sealOf(path);
      },
      async (error: unknown) => {
        this.#drop(ref, entry);
        await rm(path, { force: true });
        throw error;
      },
    );
    return entry;
  }

  /** The file may be one with the store's object, which a disk or a person can alter: a changed one is hashed again. */
  async #isUnaltered(ref: Artifact, entry: Entry, options: CallOptions): Promise<boolean> {
    const seal = await sealOf(entry.path).catch(absent);
    if (seal === entry.seal) return true;
    if (seal === undefined || (await hashFile(entry.path, options)).sha256 !== ref.sha256) return false;
    entry.seal = seal;
    return true;
  }

  /** Ends an entry's being found; its file goes when nobody uses it. */
  #drop(ref: Artifact, entry: Entry): void {
    if (this.#entries.get(ref.sha256) !== entry) return;
    this.#entries.delete(ref.sha256);
    this.#bytes -= entry.bytes;
    entry.bytes = 0;
    entry.seal = DROPPED;
  }

  #leave(entry: Entry): void {
    entry.users--;
    // Not awaited: the folder as a whole goes with the process.
    if (entry.users === 0 && entry.seal === DROPPED) void rm(entry.path, { force: true }).catch(() => undefined);
  }

  async #evict(): Promise<void> {
    const going: string[] = [];
    for (const [sha256, entry] of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      if (entry.users > 0) continue;
      this.#entries.delete(sha256);
      this.#bytes -= entry.bytes;
      going.push(entry.path);
    }
    for (const path of going) await rm(path, { force: true });
  }
}

async function sealOf(path: string): Promise<string> {
  const { size, ino, mtimeNs } = await stat(path, { bigint: true });
  return `${size} ${ino} ${mtimeNs}`;
}
