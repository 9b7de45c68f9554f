import { mkdir, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { absent, codeOf, exists, placeFile, removeQuietly, syncFolder, writeTemporary } from './durable.js';
import { type Chain, Register, stateName, stateNumbers } from './register.js';

/** A register in a folder: states are files, and link(2) creates one or refuses. */
export class FolderRegister extends Register {
  constructor(path: string) {
    super(new FolderChain(path));
  }
}

class FolderChain implements Chain {
  readonly name: string;
  readonly #folder: string;

  constructor(path: string) {
    this.name = path;
    this.#folder = join(dirname(path), `.${basename(path)}.versions`);
  }

  async create(version: number, bytes: Uint8Array): Promise<'created' | 'exists'> {
    if (version === 1 || !(await exists(this.#folder))) await this.#make();
    return placeFile(this.#file(version), bytes);
  }

  has(version: number): Promise<boolean> {
    return exists(this.#file(version));
  }

  get(version: number): Promise<Uint8Array | undefined> {
    return readFile(this.#file(version)).catch(absent);
  }

  async versions(): Promise<number[]> {
    return stateNumbers((await readdir(this.#folder).catch(absent)) ?? []);
  }

  async remove(version: number): Promise<void> {
    await unlink(this.#file(version)).catch(absent);
  }

  shown(): Promise<Uint8Array | undefined> {
    return readFile(this.name).catch(absent);
  }

  async show(value: Uint8Array): Promise<void> {
    const temporary = await writeTemporary(dirname(this.name), value);
    try {
      await rename(temporary, this.name);
    } finally {
      await removeQuietly(temporary);
    }
    await syncFolder(dirname(this.name));
  }

  #file(version: number): string {
    return join(this.#folder, stateName(version));
  }

  async #make(): Promise<void> {
    await mkdir(this.#folder).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    await syncFolder(dirname(this.#folder));
  }
}
