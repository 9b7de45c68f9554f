import { codeOf } from '../config/errors.js';
import { type Chain, stateName, stateNumbers } from './register.js';
import type { CallOptions } from './types.js';

/** What a chain needs of a bucket; names are whole, prefix included. */
export interface NamedObjects {
  create(name: string, bytes: Uint8Array, options: CallOptions): Promise<'created' | 'exists'>;
  overwrite(name: string, bytes: Uint8Array, options: CallOptions): Promise<void>;
  has(name: string, options: CallOptions): Promise<boolean>;
  get(name: string, options: CallOptions): Promise<Uint8Array>;
  delete(name: string, options: CallOptions): Promise<void>;
  names(prefix: string, options: CallOptions): AsyncIterable<{ name: string }>;
}

/** A register's states as objects of a bucket: a conditional request creates one or refuses. */
export class RemoteChain implements Chain {
  readonly name: string;
  readonly #objects: NamedObjects;
  readonly #folder: string;

  constructor(name: string, objects: NamedObjects) {
    this.name = name;
    this.#objects = objects;
    const slash = name.lastIndexOf('/') + 1;
    this.#folder = `${name.slice(0, slash)}.${name.slice(slash)}.versions/`;
  }

  create(version: number, bytes: Uint8Array, options: CallOptions): Promise<'created' | 'exists'> {
    return this.#objects.create(this.#state(version), bytes, options);
  }

  has(version: number, options: CallOptions): Promise<boolean> {
    return this.#objects.has(this.#state(version), options);
  }

  get(version: number, options: CallOptions): Promise<Uint8Array | undefined> {
    return this.#objects.get(this.#state(version), options).catch(absent);
  }

  async versions(options: CallOptions): Promise<number[]> {
    const names: string[] = [];
    for await (const { name } of this.#objects.names(this.#folder, options))
      names.push(name.slice(this.#folder.length));
    return stateNumbers(names);
  }

  async remove(version: number, options: CallOptions): Promise<void> {
    await this.#objects.delete(this.#state(version), options);
  }

  shown(options: CallOptions): Promise<Uint8Array | undefined> {
    return this.#objects.get(this.name, options).catch(absent);
  }

  show(value: Uint8Array, options: CallOptions): Promise<void> {
    return this.#objects.overwrite(this.name, value, options);
  }

  #state(version: number): string {
    return this.#folder + stateName(version);
  }
}

function absent(error: unknown): undefined {
  if (codeOf(error) !== 'GR-4004') throw error;
}
