import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { storeError } from './durable.js';
import type { CallOptions } from './types.js';

const LARGEST_BLOCK = 1 << 20;
const LEAST_BLOCK = 1 << 12;

/** Lower-case hex SHA-256 of bytes. */
export const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export interface Hashed {
  sha256: string;
  bytes: number;
}

/** Digest and size of a file, read in blocks. */
export const hashFile = (path: string, options: CallOptions = {}): Promise<Hashed> => hashing(path, undefined, options);

/** Copies a file to a path that does not exist yet, and gives digest and size of exactly the bytes that were copied. */
export const copyHashed = (path: string, copy: string, options: CallOptions = {}): Promise<Hashed> =>
  hashing(path, copy, options);

async function hashing(path: string, copy: string | undefined, { signal }: CallOptions): Promise<Hashed> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* through(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const block of blocks) {
      hash.update(block);
      bytes += block.length;
      if (copy !== undefined) yield block;
    }
  }
  const options = signal ? { signal } : {};
  try {
    // A stream takes a whole block anew for each read, so that those of small files would be nearly all garbage.
    const { size } = await stat(path);
    const highWaterMark = Math.min(LARGEST_BLOCK, Math.max(LEAST_BLOCK, size + 1));
    const source = createReadStream(path, { highWaterMark });
    if (copy !== undefined) await pipeline(source, through, createWriteStream(copy, { flags: 'wx' }), options);
    // Nothing comes through, and nobody takes it: what counts is the digest.
    else await pipeline(source, through, async (none) => void (await none[Symbol.asyncIterator]().next()), options);
  } catch (error) {
    signal?.throwIfAborted();
    throw storeError(error, `reading ${path}`);
  }
  return { sha256: hash.digest('hex'), bytes };
}
