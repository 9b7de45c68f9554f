import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { shownPlace } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import { TooLargeError } from './text.js';

/** Time for a server to send the whole of a file, and to answer at all. */
const LONGEST_MS = 15 * 60_000;
const ANSWER_MS = 30_000;

export interface Fetched {
  /** False where the server says that the file is still what it was with the tag given. */
  changed: boolean;
  sha256: string;
  bytes: number;
  /** The server's name for this state of the file, if it gives one. */
  etag?: string;
}

export interface FetchOptions {
  limit: number;
  /** Of the state that is kept already. */
  etag?: string;
  signal?: AbortSignal;
}

/**
 * Fetches an http(s) address into a file that does not exist yet, hashing what comes. GR-2001 where there is nothing
 * under it, GR-2007 where more comes than `limit` bytes, GR-2008 (tried again) where the server does not answer as it
 * should.
 */
export async function fetchFile(url: string, to: string, { limit, etag, signal }: FetchOptions): Promise<Fetched> {
  const place = shownPlace(url);
  const late = AbortSignal.timeout(LONGEST_MS);
  const unanswered = new AbortController();
  const timer = setTimeout(() => unanswered.abort(), ANSWER_MS);
  try {
    const signals = [late, unanswered.signal, ...(signal ? [signal] : [])];
    const answer = await fetch(url, {
      signal: AbortSignal.any(signals),
      headers: { 'user-agent': 'georefresh', ...(etag !== undefined && { 'if-none-match': etag }) },
    });
    clearTimeout(timer);
    if (answer.status === 304 && etag !== undefined) return { changed: false, sha256: '', bytes: 0, etag };
    if (!answer.ok || answer.body === null) {
      await answer.body?.cancel();
      const absent = [404, 410].includes(answer.status);
      throw new GeorefreshError(absent ? 'GR-2001' : 'GR-2008', `${place} answers ${answer.status}`, {
        where: [{ file: place }],
      });
    }
    const hash = createHash('sha256');
    let bytes = 0;
    async function* counted(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const block of blocks) {
        bytes += block.length;
        if (bytes > limit) throw new TooLargeError(`more than ${limit} bytes`);
        hash.update(block);
        yield block;
      }
    }
    await pipeline(answer.body, counted, createWriteStream(to, { flags: 'wx' }), { signal: AbortSignal.any(signals) });
    const tag = answer.headers.get('etag');
    return { changed: true, sha256: hash.digest('hex'), bytes, ...(tag !== null && { etag: tag }) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GeorefreshError) throw error;
    if (error instanceof TooLargeError)
      throw new GeorefreshError('GR-2007', `${place} has ${error.message}`, { where: [{ file: place }] });
    const { code, name } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    throw new GeorefreshError('GR-2008', `${place} (${code ?? name})`, { where: [{ file: place }] });
  } finally {
    clearTimeout(timer);
  }
}
