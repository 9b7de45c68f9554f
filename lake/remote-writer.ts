import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf, GeorefreshError } from '../config/errors.js';
import type { Bucket, Looked, PartedUpload, Writing, Written } from './bucket.js';
import { storeError } from './durable.js';
import type { Call, Patience } from './patience.js';
import { eachOf, Slots } from './slots.js';
import type { Body } from './types.js';

/** Parts of one object under way at a time, and bodies of all: what they take of the memory is bounded by the latter. */
const PARTS_AT_ONCE = 4;
const BODIES_IN_ALL = 8;
/** Parts of a copy: the service has to answer while a client still waits. */
const COPY_PART_BYTES = 256 << 20;

/** Bytes of a body by position. */
type Slice = (from: number, to: number) => Promise<Uint8Array>;

/**
 * Creates and replaces objects, large ones in parts. An answer that was lost leaves open whether the request was carried out; so each
 * call leaves a mark beside its object, and looks for it where a later try finds the name taken.
 */
export class RemoteWriter {
  readonly #bucket: Bucket;
  readonly #patience: Patience;
  readonly #partBytes: number;
  readonly #bodies = new Slots(BODIES_IN_ALL);

  constructor(bucket: Bucket, patience: Patience, partBytes: number) {
    this.#bucket = bucket;
    this.#patience = patience;
    this.#partBytes = partBytes;
  }

  look(name: string, call: Call): Promise<Looked | undefined> {
    return this.#patience.run(call, ({ signal }) => this.#bucket.head(name, signal));
  }

  async create(name: string, body: Body, call: Call): Promise<'created' | 'exists'> {
    return (await this.#write(name, body, 'if-absent', call)) === 'written' ? 'created' : 'exists';
  }

  /** Puts an object in the place of one in a state; `changed` where it is in another, or gone. */
  async replace(name: string, body: Body, state: string, call: Call): Promise<'replaced' | 'changed'> {
    try {
      return (await this.#write(name, body, { state }, call)) === 'written' ? 'replaced' : 'changed';
    } catch (error) {
      if (codeOf(error) === 'GR-4004') return 'changed';
      throw error;
    }
  }

  async #write(name: string, body: Body, only: NonNullable<Writing['only']>, call: Call): Promise<Written> {
    const writing = { only, mark: newMark() };
    if (body instanceof Uint8Array) {
      if (body.length <= this.#partBytes) return this.#writeWhole(name, body, writing, call);
      return this.#writeInParts(name, body.length, async (from, to) => body.subarray(from, to), writing, call);
    }
    const file = await open(body.path).catch((error: unknown) => {
      throw storeError(error, `reading ${body.path}`);
    });
    try {
      const { size } = await file.stat();
      const slice: Slice = (from, to) => readSlice(file, body.path, from, to);
      if (size > this.#partBytes) return await this.#writeInParts(name, size, slice, writing, call);
      return await this.#bodies.run(
        async () => this.#writeWhole(name, await slice(0, size), writing, call),
        call.signal,
      );
    } finally {
      await file.close();
    }
  }

  /** Writes a small object, whatever is there. */
  async overwrite(name: string, bytes: Uint8Array, call: Call): Promise<void> {
    const writing = { mark: newMark() };
    await this.#patience.run({ ...call, bytes: bytes.length }, ({ signal }) =>
      this.#bucket.put(name, bytes, writing, signal),
    );
  }

  async #writeWhole(name: string, bytes: Uint8Array, writing: Writing, call: Call): Promise<Written> {
    return this.#certainly(name, writing, { ...call, bytes: bytes.length }, (signal) =>
      this.#bucket.put(name, bytes, writing, signal),
    );
  }

  /** Copies an object within the bucket, whatever is there: nothing of it comes here. */
  async copy(source: { name: string; bytes: number; state: string }, to: string, call: Call): Promise<void> {
    const { name, bytes, state } = source;
    const most = this.#bucket.copyBytes;
    if (bytes <= most) {
      await this.#patience.run({ ...call, bytes }, ({ signal }) => this.#bucket.copy(name, to, signal));
      return;
    }
    const size = Math.max(Math.min(most, COPY_PART_BYTES), Math.ceil(bytes / this.#bucket.maxParts));
    // Whoever has put another in its place meanwhile came later.
    await this.#inParts({ name: to, bytes, size }, { mark: newMark() }, call, (upload, number, from, end) =>
      this.#patience.run({ ...call, bytes: end - from }, async ({ signal }) =>
        upload.copy?.(number, { name, state, from, to: end }, signal),
      ),
    );
  }

  async #writeInParts(name: string, bytes: number, slice: Slice, writing: Writing, call: Call): Promise<Written> {
    // Sending all of a large object to be told that it is there would be dear.
    if (writing.only === 'if-absent' && (await this.look(name, call)) !== undefined) return 'refused';
    const size = Math.max(this.#partBytes, Math.ceil(bytes / this.#bucket.maxParts));
    return this.#inParts({ name, bytes, size }, writing, call, (upload, number, from, to) =>
      this.#bodies.run(async () => {
        const part = await slice(from, to);
        await this.#patience.run({ ...call, bytes: part.length }, ({ signal }) => upload.put(number, part, signal));
      }, call.signal),
    );
  }

  /** Begins an upload, has each of its parts sent, and finishes it. */
  async #inParts(
    { name, bytes, size }: { name: string; bytes: number; size: number },
    writing: Writing,
    call: Call,
    send: (upload: PartedUpload, number: number, from: number, to: number) => Promise<void>,
  ): Promise<Written> {
    const upload = await this.#patience.run(call, ({ signal }) => this.#bucket.begin(name, writing, signal));
    let answer: Written | undefined;
    try {
      await eachOf(Math.ceil(bytes / size), PARTS_AT_ONCE, (number) =>
        send(upload, number, (number - 1) * size, Math.min(bytes, number * size)),
      );
      answer = await this.#certainly(name, writing, { ...call, bytes }, (signal) => upload.finish(signal));
      return answer;
    } finally {
      // Also where the call was cancelled; what cannot be freed now goes by the bucket's rule for unfinished uploads.
      if (answer !== 'written') {
        const freeing = { doing: 'freeing parts of', key: call.key };
        await this.#patience.run(freeing, ({ signal }) => upload.abandon(signal)).catch(() => undefined);
      }
    }
  }

  /** A name that is taken, and an upload that is no longer known, may be so by an earlier try of the same call. */
  async #certainly(
    name: string,
    { mark }: Writing,
    call: Call,
    send: (signal: AbortSignal) => Promise<Written>,
  ): Promise<Written> {
    let unsure = false;
    const answer = await this.#patience.run(call, async (one) => {
      unsure = one.unsure;
      try {
        return await send(one.signal);
      } catch (error) {
        if (unsure && this.#bucket.judge(error).code === 'GR-4004') return 'refused';
        throw error;
      }
    });
    if (answer === 'written' || !unsure) return answer;
    return (await this.look(name, call))?.mark === mark ? 'written' : 'refused';
  }
}

const newMark = (): string => randomBytes(12).toString('hex');

async function readSlice(file: FileHandle, path: string, from: number, to: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(to - from);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
    if (bytesRead === 0) throw new GeorefreshError('GR-2005', `${path} became shorter while it was kept`);
    at += bytesRead;
  }
  return bytes;
}
