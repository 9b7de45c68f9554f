import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { GeorefreshError } from '../config/errors.js';
import type { Bucket, Looked, Writing } from './bucket.js';
import { storeError } from './durable.js';
import type { Listed } from './folder-walk.js';
import { checkKey } from './keys.js';
import { type Call, Patience, type PatienceOptions } from './patience.js';
import { Register } from './register.js';
import { RemoteChain } from './remote-chain.js';
import { RemoteReader } from './remote-reader.js';
import { eachOf, Slots } from './slots.js';
import type { Body, CallOptions, ObjectStore, Registered, Version } from './types.js';

/** Objects larger than this go in parts of at least this size. */
const PART_BYTES = 8 << 20;
/** Parts of one object under way at a time, and of all: the memory that bodies take is bounded by the latter. */
const PARTS_AT_ONCE = 4;
const PARTS_IN_ALL = 8;

export interface RemoteOptions extends PatienceOptions {
  /** Objects a page of a listing. */
  pageSize?: number;
  partBytes?: number;
  /** Bytes that one request of a read asks for. */
  rangeBytes?: number;
}

/**
 * A store in a bucket of an object service, under a prefix.
 *
 * Objects are created by conditional requests, large ones in parts. An answer that was lost leaves open whether the
 * request was carried out; so each writer leaves a mark beside its object, and looks for it where a later try finds the
 * name taken. Registers: `register.ts`.
 */
export class RemoteStore implements ObjectStore {
  readonly base: string;
  readonly #bucket: Bucket;
  /** Empty, or ends in a slash. */
  readonly #prefix: string;
  readonly #patience: Patience;
  readonly #reader: RemoteReader;
  readonly #pageSize: number;
  readonly #partBytes: number;
  readonly #parts = new Slots(PARTS_IN_ALL);
  readonly #registers = new Map<string, Register>();

  constructor(bucket: Bucket, prefix: string, options: RemoteOptions = {}) {
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${checkKey(prefix)}/`;
    this.base = prefix === '' ? bucket.base : `${bucket.base}/${prefix}`;
    this.#patience = new Patience(this.base, (error) => bucket.judge(error), options);
    this.#pageSize = options.pageSize ?? 1000;
    this.#partBytes = options.partBytes ?? PART_BYTES;
    this.#reader = new RemoteReader(bucket, this.#patience, options.rangeBytes ?? PART_BYTES);
  }

  uri(key: string): string {
    return `${this.base}/${checkKey(key)}`;
  }

  async putIfAbsent(key: string, body: Body, options: CallOptions = {}): Promise<'created' | 'exists'> {
    const name = this.#name(key);
    const call = { ...options, doing: 'writing', key };
    if (body instanceof Uint8Array) {
      if (body.length > this.#partBytes)
        return this.#createParted(name, body.length, async (from, to) => body.subarray(from, to), call);
      return this.#create(name, body, call);
    }
    const file = await open(body.path).catch((error: unknown) => {
      throw storeError(error, `reading ${body.path}`);
    });
    try {
      const { size } = await file.stat();
      const slice = async (from: number, to: number): Promise<Uint8Array> => {
        const bytes = Buffer.allocUnsafe(to - from);
        for (let at = 0; at < bytes.length; ) {
          const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
          if (bytesRead === 0) throw new GeorefreshError('GR-2005', `${body.path} became shorter`);
          at += bytesRead;
        }
        return bytes;
      };
      if (size > this.#partBytes) return await this.#createParted(name, size, slice, call);
      return await this.#parts.run(async () => this.#create(name, await slice(0, size), call), options.signal);
    } finally {
      await file.close();
    }
  }

  async get(key: string, { atMost, ...options }: CallOptions & { atMost?: number } = {}): Promise<Uint8Array> {
    return this.#reader.get(this.#name(key), { ...options, doing: 'reading', key }, atMost);
  }

  async head(key: string, options: CallOptions = {}): Promise<{ bytes: number; state: string } | undefined> {
    const found = await this.#look(this.#name(key), { ...options, doing: 'looking at', key });
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
    const ends: string[] = [];
    for await (const { name } of this.#names(from, options)) ends.push(name.slice(from.length));
    const last = ends.filter((end) => end === 'manifest.json');
    for (const end of [...ends.filter((one) => one !== 'manifest.json'), ...last]) {
      const call = { ...options, doing: 'copying', key: `${target}/${end}` };
      await this.#patience.run(call, ({ signal }) => this.#bucket.copy(from + end, to + end, signal));
    }
    const wanted = new Set(ends);
    for await (const { name } of this.#names(to, options))
      if (!wanted.has(name.slice(to.length))) await this.#delete(name, { ...options, doing: 'deleting', key });
  }

  close(): void {
    this.#bucket.close();
  }

  #name(key: string): string {
    return this.#prefix + checkKey(key);
  }

  async *#names(prefix: string, options: CallOptions): AsyncIterable<{ name: string; bytes: number; modified: Date }> {
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
        create: (at, bytes, options) => this.#create(at, bytes, { ...options, doing: 'writing', key }),
        replace: (at, bytes, options) => this.#replace(at, bytes, { ...options, doing: 'writing', key }),
        has: async (at, options) => (await this.#look(at, { ...options, doing: 'reading', key })) !== undefined,
        get: (at, options) => this.#reader.get(at, { ...options, doing: 'reading', key }),
        delete: (at, options) => this.#delete(at, { ...options, doing: 'deleting', key }),
        names: (prefix, options) => this.#names(prefix, options),
      }),
    );
    this.#registers.set(name, register);
    return register;
  }

  #look(name: string, call: Call): Promise<Looked | undefined> {
    return this.#patience.run(call, ({ signal }) => this.#bucket.head(name, signal));
  }

  async #delete(name: string, call: Call): Promise<void> {
    await this.#patience.run(call, ({ signal }) => this.#bucket.delete(name, signal));
  }

  async #replace(name: string, bytes: Uint8Array, call: Call): Promise<void> {
    const writing = { onlyIfAbsent: false, mark: newMark() };
    await this.#patience.run({ ...call, bytes: bytes.length }, ({ signal }) =>
      this.#bucket.put(name, bytes, writing, signal),
    );
  }

  async #create(name: string, bytes: Uint8Array, call: Call): Promise<'created' | 'exists'> {
    const writing = { onlyIfAbsent: true, mark: newMark() };
    let unsure = false;
    const answer = await this.#patience.run({ ...call, bytes: bytes.length }, (one) => {
      unsure = one.unsure;
      return this.#bucket.put(name, bytes, writing, one.signal);
    });
    return this.#settled(answer, unsure, name, writing, call);
  }

  /** A name that is taken may be so by an earlier try of the same call. */
  async #settled(
    answer: 'created' | 'exists',
    unsure: boolean,
    name: string,
    { mark }: Writing,
    call: Call,
  ): Promise<'created' | 'exists'> {
    if (answer === 'created' || !unsure) return answer;
    return (await this.#look(name, call))?.mark === mark ? 'created' : 'exists';
  }

  async #createParted(
    name: string,
    bytes: number,
    slice: (from: number, to: number) => Promise<Uint8Array>,
    call: Call,
  ): Promise<'created' | 'exists'> {
    // Sending all of a large object to be told that it is there would be dear.
    if ((await this.#look(name, call)) !== undefined) return 'exists';
    const writing = { onlyIfAbsent: true, mark: newMark() };
    const size = Math.max(this.#partBytes, Math.ceil(bytes / this.#bucket.maxParts));
    const upload = await this.#patience.run(call, ({ signal }) => this.#bucket.begin(name, writing, signal));
    let done: 'created' | 'exists' | undefined;
    try {
      await eachOf(Math.ceil(bytes / size), PARTS_AT_ONCE, (number) =>
        this.#parts.run(async () => {
          const part = await slice((number - 1) * size, Math.min(bytes, number * size));
          await this.#patience.run({ ...call, bytes: part.length }, ({ signal }) => upload.put(number, part, signal));
        }, call.signal),
      );
      let unsure = false;
      const answer = await this.#patience.run({ ...call, bytes }, async (one) => {
        unsure = one.unsure;
        try {
          return await upload.finish(one.signal);
        } catch (error) {
          // The service has forgotten an upload that an earlier try finished.
          if (one.unsure && this.#bucket.judge(error).code === 'GR-4004') return 'exists';
          throw error;
        }
      });
      done = await this.#settled(answer, unsure, name, writing, call);
      return done;
    } finally {
      if (done !== 'created') await this.#abandon(upload, call);
    }
  }

  /** Also where the call was cancelled; what cannot be freed now goes by the bucket's rule for unfinished uploads. */
  async #abandon(upload: { abandon(signal: AbortSignal): Promise<void> }, { key }: Call): Promise<void> {
    const call = { doing: 'freeing parts of', key };
    await this.#patience.run(call, ({ signal }) => upload.abandon(signal)).catch(() => undefined);
  }
}

const newMark = (): string => randomBytes(12).toString('hex');
