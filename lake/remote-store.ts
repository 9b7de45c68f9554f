import type { Bucket, Page } from './bucket.js';
import type { Listed } from './folder-walk.js';
import { checkKey } from './keys.js';
import { type Call, Patience, type PatienceOptions } from './patience.js';
import { Register } from './register.js';
import { RemoteChain } from './remote-chain.js';
import { RemoteReader } from './remote-reader.js';
import { RemoteWriter } from './remote-writer.js';
import type { Body, CallOptions, ObjectStore, Registered, Version } from './types.js';

/** Objects larger than this are written in parts and read in ranges of this size. */
const PART_BYTES = 8 << 20;
export interface RemoteOptions extends PatienceOptions {
  /** Objects a page of a listing. */
  pageSize?: number;
  partBytes?: number;
  /** Bytes that one request of a read asks for. */
  rangeBytes?: number;
}

/**
 * A store in a bucket of an object service, under a prefix: `remote-writer.ts` creates, `remote-reader.ts` reads,
 * `patience.ts` tries again. Registers: `register.ts`.
 */
export class RemoteStore implements ObjectStore {
  readonly base: string;
  readonly #bucket: Bucket;
  /** Empty, or ends in a slash. */
  readonly #prefix: string;
  readonly #patience: Patience;
  readonly #reader: RemoteReader;
  readonly #writer: RemoteWriter;
  readonly #pageSize: number;
  readonly #registers = new Map<string, Register>();

  constructor(bucket: Bucket, prefix: string, options: RemoteOptions = {}) {
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${checkKey(prefix)}/`;
    this.base = prefix === '' ? bucket.base : `${bucket.base}/${prefix}`;
    this.#patience = new Patience(this.base, (error) => bucket.judge(error), options);
    this.#pageSize = options.pageSize ?? 1000;
    this.#reader = new RemoteReader(bucket, this.#patience, options.rangeBytes ?? PART_BYTES);
    this.#writer = new RemoteWriter(bucket, this.#patience, options.partBytes ?? PART_BYTES);
  }

  uri(key: string): string {
    return `${this.base}/${checkKey(key)}`;
  }

  async putIfAbsent(key: string, body: Body, options: CallOptions = {}): Promise<'created' | 'exists'> {
    return this.#writer.create(this.#name(key), body, { ...options, doing: 'writing', key });
  }

  async replace(key: string, body: Body, state: string, options: CallOptions = {}): Promise<'replaced' | 'changed'> {
    return this.#writer.replace(this.#name(key), body, state, { ...options, doing: 'mending', key });
  }

  async get(key: string, { atMost, ...options }: CallOptions & { atMost?: number } = {}): Promise<Uint8Array> {
    return this.#reader.get(this.#name(key), { ...options, doing: 'reading', key }, atMost);
  }

  async head(key: string, options: CallOptions = {}): Promise<{ bytes: number; state: string } | undefined> {
    const found = await this.#writer.look(this.#name(key), { ...options, doing: 'looking at', key });
    return found && { bytes: found.bytes, state: found.state };
  }

  async download(key: string, path: string, options: CallOptions & { link?: boolean } = {}): Promise<void> {
    return this.#reader.download(this.#name(key), path, { ...options, doing: 'fetching', key });
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncIterable<Listed> {
    for await (const { name, ...rest } of this.#names(this.#prefix + prefix, options)) {
      const key = name.slice(this.#prefix.length);
      if (!key.startsWith('.') && !key.includes('/.')) yield { key, ...rest };
    }
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(this.#name(key), { ...options, doing: 'deleting', key });
  }

  async read(key: string, options: CallOptions = {}): Promise<Registered | undefined> {
    return this.#register(key).read(options);
  }

  async swap(
    key: string,
    value: Uint8Array,
    expected: Version | undefined,
    options: CallOptions = {},
  ): Promise<Version | 'conflict'> {
    return this.#register(key).swap(value, expected, options);
  }

  async settle(key: string, options: CallOptions = {}): Promise<void> {
    await this.#register(key).settle(options);
  }

  /** A copy: the manifest comes last, and what is not under the target goes after that. */
  async alias(key: string, target: string, options: CallOptions = {}): Promise<void> {
    const [from, to] = [`${this.#name(target)}/`, `${this.#name(key)}/`];
    const ends: Page['objects'] = [];
    for await (const { name, ...rest } of this.#names(from, options))
      ends.push({ name: name.slice(from.length), ...rest });
    const isLast = ({ name }: { name: string }): boolean => name === 'manifest.json';
    for (const { name, ...rest } of [...ends.filter((one) => !isLast(one)), ...ends.filter(isLast)])
      await this.#writer.copy({ name: from + name, ...rest }, to + name, {
        ...options,
        doing: 'copying',
        key: `${target}/${name}`,
      });
    const wanted = new Set(ends.map(({ name }) => name));
    for await (const { name } of this.#names(to, options))
      if (!wanted.has(name.slice(to.length))) await this.#delete(name, { ...options, doing: 'deleting', key });
  }

  close(): void {
    this.#bucket.close();
  }

  #name(key: string): string {
    return this.#prefix + checkKey(key);
  }

  async *#names(prefix: string, options: CallOptions): AsyncIterable<Page['objects'][number]> {
    const call = { ...options, doing: 'listing', key: prefix };
    let after: string | undefined;
    do {
      const page = await this.#patience.run(call, ({ signal }) =>
        this.#bucket.page(prefix, after, this.#pageSize, signal),
      );
      yield* page.objects;
      after = page.next;
    } while (after !== undefined);
  }

  #register(key: string): Register {
    const name = this.#name(key);
    const known = this.#registers.get(name);
    if (known !== undefined) return known;
    const register = new Register(
      new RemoteChain(name, {
        create: (at, bytes, options) => this.#writer.create(at, bytes, { ...options, doing: 'writing', key }),
        overwrite: (at, bytes, options) => this.#writer.overwrite(at, bytes, { ...options, doing: 'writing', key }),
        has: async (at, options) => (await this.#writer.look(at, { ...options, doing: 'reading', key })) !== undefined,
        get: (at, options) => this.#reader.get(at, { ...options, doing: 'reading', key }),
        delete: (at, options) => this.#delete(at, { ...options, doing: 'deleting', key }),
        names: (prefix, options) => this.#names(prefix, options),
      }),
    );
    this.#registers.set(name, register);
    return register;
  }

  async #delete(name: string, call: Call): Promise<void> {
    await this.#patience.run(call, ({ signal }) => this.#bucket.delete(name, signal));
  }
}
