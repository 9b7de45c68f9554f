import { isUtf8 } from 'node:buffer';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

const BLOCK = 1 << 20;
const [LF, CR] = [0x0a, 0x0d];

export interface StreamLimits {
  /** Bytes that may come out; a file that unpacks to more is not read to its end. */
  limit: number;
  signal?: AbortSignal;
}

/** More came out of a file than it may hold. */
export class TooLargeError extends Error {}

/** Lets blocks through until there are too many of them: a small packed file can stand for any number of bytes. */
function bounded(limit: number): (blocks: AsyncIterable<Buffer | string>) => AsyncGenerator<Buffer | string> {
  return async function* (blocks) {
    let bytes = 0;
    for await (const block of blocks) {
      bytes += Buffer.byteLength(block);
      if (bytes > limit) throw new TooLargeError(`more than ${limit} bytes`);
      yield block;
    }
  };
}

/** What follows the packed part of a gzip file is not more of it, nor the zeros that fill up blocks. */
export class TrailingError extends Error {}

/**
 * Unpacks a gzip file; rejects with a TooLargeError beyond the limit, with zlib's error where it is damaged, and with a
 * TrailingError where something follows that would be lost.
 */
export async function gunzipFile(path: string, to: string, { limit, signal }: StreamLimits): Promise<void> {
  const options = signal ? { signal } : {};
  const packed = createReadStream(path);
  const unpacked = createGunzip();
  packed.on('error', (error) => unpacked.destroy(error));
  try {
    // Not one pipeline: zlib ends at the first zero behind a packed part, which would look like an aborted read.
    await pipeline(packed.pipe(unpacked), bounded(limit), createWriteStream(to, { flags: 'wx' }), options);
  } finally {
    packed.destroy();
  }
  for await (const block of createReadStream(path, { start: unpacked.bytesWritten, ...options }))
    if ((block as Buffer).some((byte) => byte !== 0)) throw new TrailingError('more follows the packed part');
}

/** Writes a text file anew as UTF-8. UTF-16 without a mark of its byte order is little-endian. */
export async function decodeFile(
  path: string,
  to: string,
  { encoding, limit, signal }: StreamLimits & { encoding: string },
): Promise<void> {
  const options = signal ? { signal } : {};
  const decoder = new TextDecoder(encoding, { fatal: true });
  async function* decoded(blocks: AsyncIterable<Buffer>): AsyncGenerator<string> {
    for await (const block of blocks) yield decoder.decode(block, { stream: true });
    yield decoder.decode();
  }
  await pipeline(
    createReadStream(path, { highWaterMark: BLOCK }),
    decoded,
    bounded(limit),
    createWriteStream(to, { flags: 'wx' }),
    options,
  );
}

/** What is wrong with a text file, and the line, from 1, where it is. */
export interface TextFault {
  line: number;
  what: 'not UTF-8' | 'longer than may be';
}

/** Bytes of a line. The engine refuses longer ones too, but for a last one so long that it does not see it at all. */
export const LONGEST_LINE = 2_000_000;

/**
 * The first fault of a text: bytes that are no UTF-8, or a line without end. Blocks are cut between characters, and lines
 * are counted only where there is one to name.
 */
export async function textFault(path: string, signal?: AbortSignal): Promise<TextFault | undefined> {
  let before = 0;
  let open = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const block of createReadStream(path, { highWaterMark: BLOCK, ...(signal && { signal }) })) {
    const bytes = rest.length === 0 ? (block as Buffer) : Buffer.concat([rest, block as Buffer]);
    const whole = bytes.subarray(0, cutOf(bytes));
    if (!isUtf8(whole)) return { line: await lineAt(path, before + goodBytes(whole)), what: 'not UTF-8' };
    const end = firstEnd(whole);
    if (open + (end < 0 ? whole.length : end) > LONGEST_LINE)
      return { line: await lineAt(path, before - open), what: 'longer than may be' };
    open = end < 0 ? open + whole.length : whole.length - lastEnd(whole) - 1;
    before += whole.length;
    rest = bytes.subarray(whole.length);
  }
  return isUtf8(rest) ? undefined : { line: await lineAt(path, before + goodBytes(rest)), what: 'not UTF-8' };
}

/** Blocks are shorter than the longest line, so the ends of those within one need no look. */
const firstEnd = (bytes: Buffer): number => {
  const feed = bytes.indexOf(LF);
  return feed < 0 ? bytes.indexOf(CR) : feed;
};
const lastEnd = (bytes: Buffer): number => {
  const feed = bytes.lastIndexOf(LF);
  return feed < 0 ? bytes.lastIndexOf(CR) : feed;
};

/** Where a block can be cut without cutting a character: before the last byte that begins one. */
function cutOf(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) !== 0x80) return byte < 0x80 ? bytes.length : bytes.length - back;
  }
  return bytes.length;
}

/** Bytes before the first bad one, give or take a character; found by halves. */
function goodBytes(bytes: Buffer): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const half = bytes.subarray(0, middle);
    if (isUtf8(half.subarray(0, cutOf(half)))) good = middle;
    else bad = middle;
  }
  return good;
}

/** The line that a byte stands in. Lines end in LF, CR LF, or in CR alone where there is no LF. */
async function lineAt(path: string, offset: number): Promise<number> {
  let [feeds, returns] = [0, 0];
  if (offset === 0) return 1;
  for await (const block of createReadStream(path, { end: offset - 1, highWaterMark: BLOCK }))
    for (const byte of block as Buffer) {
      if (byte === LF) feeds++;
      else if (byte === CR) returns++;
    }
  return 1 + (feeds === 0 ? returns : feeds);
}
