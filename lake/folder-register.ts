import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GeorefreshError } from '../config/errors.js';
import { absent, codeOf, exists, placeFile, removeQuietly, syncFolder, writeTemporary } from './durable.js';
import type { Registered, Version } from './types.js';

/** How many states a chain keeps. A writer frozen for longer than that many is refused by the look after its link. */
const KEPT = 1000;
/** How long a remembered number may be probed from: far shorter than 1,000 swaps take. */
const HINT_MS = 10_000;

const HEADER = /^georefresh-register 1 ([0-9a-f]{64})\n/;
const HEADER_BYTES = 'georefresh-register 1 '.length + 64 + 1;

const fileName = (version: number): string => String(version).padStart(12, '0');

/**
 * A register in a folder, without locks and safe against writers that were frozen and wake up.
 *
 * The truth is a chain of immutable files `.<name>.versions/<n>`, each a header with the digest of the value and then
 * the value. Creating n + 1 by link(2) is the compare-and-swap: one of any number of writers succeeds, whatever they
 * hold in common. The token of a state is its n, which is never given twice, so A → B → A is told apart. The file
 * `<name>` itself only follows, for people and outside readers; no decision is taken from it once the chain exists.
 */
export class FolderRegister {
  readonly #path: string;
  readonly #chain: string;
  #hint = { version: 0, at: Number.NEGATIVE_INFINITY };

  constructor(path: string) {
    this.#path = path;
    this.#chain = join(dirname(path), `.${basename(path)}.versions`);
  }

  /** The newest state, or undefined where none was ever written. A damaged state is stepped over, in words. */
  async read(): Promise<Registered | undefined> {
    const newest = await this.#newest();
    if (newest === 0) return this.#adopted();
    for (let version = newest; version > Math.max(0, newest - KEPT); version--) {
      const value = await this.#value(version);
      if (value === undefined) continue;
      // The token is the newest number even where its value is lost: the next state must be created after it.
      const found: Registered = { value, version: String(newest) };
      if (version < newest) found.warning = `state ${newest} of ${this.#path} is damaged; state ${version} is used`;
      return found;
    }
    throw new GeorefreshError('GR-4006', `no whole state of ${this.#path} is left in ${this.#chain}`);
  }

  /** Writes the state after `expected`, or answers `conflict` where another has been written. */
  async swap(value: Uint8Array, expected: Version | undefined): Promise<Version | 'conflict'> {
    const newest = await this.#newest();
    const adopted = newest === 0 && (await this.#adopted()) !== undefined;
    if (expected === undefined ? newest !== 0 || adopted : expected !== String(newest) || (newest === 0 && !adopted))
      return 'conflict';
    const version = newest + 1;
    if (newest === 0) await this.#makeChain();
    if ((await placeFile(join(this.#chain, fileName(version)), framed(value))) === 'exists') return 'conflict';
    // Only a writer frozen between the look above and the link, while more than KEPT others wrote and pruned, can
    // have created a number that was taken once before.
    const top = (await this.#listed()).at(-1) ?? version;
    if (top >= version + KEPT) {
      await removeQuietly(join(this.#chain, fileName(version)));
      return 'conflict';
    }
    this.#remember(top);
    await this.settle();
    if (version % 100 === 0) await this.#prune(version);
    return String(version);
  }

  /**
   * Writes the newest value to the visible file, and looks again after each rename: whichever writer renames last, its
   * own look comes after, so the file ends up newest even where a frozen writer wakes up and overwrites it.
   */
  async settle(): Promise<void> {
    for (;;) {
      const state = await this.read();
      if (state === undefined || state.version === '0') return;
      if (!(await this.#shows(state.value))) {
        const temporary = await writeTemporary(dirname(this.#path), state.value);
        try {
          await rename(temporary, this.#path);
        } finally {
          await removeQuietly(temporary);
        }
        await syncFolder(dirname(this.#path));
      }
      if (String(await this.#newest()) === state.version) return;
    }
  }

  async #shows(value: Uint8Array): Promise<boolean> {
    const shown = await readFile(this.#path).catch(() => undefined);
    return shown !== undefined && Buffer.compare(shown, value) === 0;
  }

  /** The visible file where there is no chain: a home restored from a copy that left hidden folders out. */
  async #adopted(): Promise<Registered | undefined> {
    const value = await readFile(this.#path).catch(absent);
    return (
      value && { value, version: '0', warning: `${this.#path} has lost its earlier states; what it shows is used` }
    );
  }

  /** The highest number of the chain, 0 where it is empty. */
  async #newest(): Promise<number> {
    let version = this.#hint.version;
    if (version === 0 || performance.now() - this.#hint.at > HINT_MS) version = (await this.#listed()).at(-1) ?? 0;
    else {
      while (await this.#has(version + 1)) version++;
      // Numbers vanish in ascending order: where this one is still there, the next was never written.
      if (!(await this.#has(version))) version = (await this.#listed()).at(-1) ?? 0;
    }
    this.#remember(version);
    return version;
  }

  #remember(version: number): void {
    this.#hint = { version, at: performance.now() };
  }

  #has(version: number): Promise<boolean> {
    return exists(join(this.#chain, fileName(version)));
  }

  async #listed(): Promise<number[]> {
    const names = (await readdir(this.#chain).catch(absent)) ?? [];
    return names
      .filter((name) => /^\d{12}$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The value of a state, or undefined where its file is gone, torn or altered. */
  async #value(version: number): Promise<Uint8Array | undefined> {
    const bytes = await readFile(join(this.#chain, fileName(version))).catch(absent);
    const digest = bytes && HEADER.exec(bytes.subarray(0, HEADER_BYTES).toString('latin1'))?.[1];
    if (bytes === undefined || digest === undefined) return undefined;
    const value = bytes.subarray(HEADER_BYTES);
    return createHash('sha256').update(value).digest('hex') === digest ? value : undefined;
  }

  async #makeChain(): Promise<void> {
    await mkdir(this.#chain).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    await syncFolder(dirname(this.#chain));
  }

  /** Removes states older than the newest KEPT, in ascending order: what #newest concludes rests on that order. */
  async #prune(newest: number): Promise<void> {
    for (const version of await this.#listed()) {
      if (version > newest - KEPT) return;
      await unlink(join(this.#chain, fileName(version))).catch(absent);
    }
  }
}

function framed(value: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(value).digest('hex');
  return Buffer.concat([Buffer.from(`georefresh-register 1 ${digest}\n`, 'latin1'), value]);
}
