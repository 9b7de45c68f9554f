import { type FileHandle, open, rm } from 'node:fs/promises';
import { GeorefreshError } from '../config/errors.js';
import type { Bucket } from './bucket.js';
import { storeError } from './durable.js';
import type { Call, Patience } from './patience.js';
import { eachOf } from './slots.js';

/** Ranges of one object that are read at a time. */
const RANGES_AT_ONCE = 4;

/** Where bytes go; `open` is told the size of the whole before any come. */
interface Sink {
  open(total: number): void;
  write(bytes: Uint8Array, at: number): Promise<void>;
}

/**
 * Reads objects in ranges, several at a time. A range that breaks off goes on from the byte it reached. All ranges are
 * of one state of the object, and come to its whole size: an object is never torn and never short.
 */
export class RemoteReader {
  readonly #bucket: Bucket;
  readonly #patience: Patience;
  readonly #rangeBytes: number;

  constructor(bucket: Bucket, patience: Patience, rangeBytes: number) {
    this.#bucket = bucket;
    this.#patience = patience;
    this.#rangeBytes = rangeBytes;
  }

  /** The whole object, or no more than its first `atMost` bytes. */
  async get(name: string, call: Call, atMost = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    let bytes = Buffer.alloc(0);
    const sink: Sink = {
      open: (total) => {
        bytes = Buffer.allocUnsafe(Math.min(total, atMost));
      },
      write: async (some, at) => void bytes.set(some, at),
    };
    await this.#read(name, call, sink, atMost);
    return bytes;
  }

  /** Into a file that does not exist yet; none is left behind where it fails. */
  async download(name: string, path: string, call: Call): Promise<void> {
    const file = await open(path, 'wx').catch((error: unknown) => {
      throw storeError(error, `writing ${path}`);
    });
    try {
      await this.#read(name, call, { open: () => undefined, write: (bytes, at) => writeAll(file, bytes, at, path) });
      await file.close();
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(path, { force: true });
      throw error;
    }
  }

  async #read(name: string, call: Call, sink: Sink, atMost = Number.POSITIVE_INFINITY): Promise<void> {
    const first = {
      from: 0,
      to: Math.min(this.#rangeBytes, atMost),
      state: undefined as string | undefined,
      total: -1,
    };
    await this.#range(name, call, first, sink);
    const end = Math.min(first.total, atMost);
    const ranges = Math.ceil(end / this.#rangeBytes);
    await eachOf(ranges - 1, RANGES_AT_ONCE, async (number) => {
      const from = number * this.#rangeBytes;
      await this.#range(name, call, { ...first, from, to: Math.min(end, from + this.#rangeBytes) }, sink);
    });
  }

  async #range(
    name: string,
    call: Call,
    range: { from: number; to: number; state: string | undefined; total: number },
    sink: Sink,
  ): Promise<void> {
    await this.#patience.run({ ...call, bytes: range.to - range.from }, async ({ signal, progress }) => {
      const piece = await this.#bucket.read(name, range.from, range.to, range.state, signal);
      if (range.state === undefined) {
        range.state = piece.state;
        range.total = piece.total;
        range.to = Math.min(range.to, piece.total);
        sink.open(piece.total);
      }
      for await (const bytes of piece.body) {
        signal.throwIfAborted();
        if (range.from + bytes.length > range.to)
          throw new GeorefreshError('GR-5002', `${name}: more bytes came than were asked for`);
        await sink.write(bytes, range.from);
        range.from += bytes.length;
        progress();
      }
      if (range.from < range.to) throw new ShortError(range.to - range.from);
    });
  }
}

/** A body ended before its last byte. */
export class ShortError extends Error {
  override readonly name = 'ShortError';

  constructor(missing: number) {
    super(`${missing} bytes are missing`);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number, path: string): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
  } catch (error) {
    throw storeError(error, `writing ${path}`);
  }
}
