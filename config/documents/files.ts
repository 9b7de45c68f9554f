import { open } from 'node:fs/promises';

/** Definitions and settings are written by hand; a larger file is a mistake, or an attempt to use up memory. */
export const MAX_TEXT_BYTES = 1_000_000;

/** The text of a small UTF-8 file, or what is wrong with it in words that follow the file's name. */
export async function readSmallText(path: string): Promise<{ text: string } | { fault: string; absent: boolean }> {
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(path, 'r');
    const stats = await handle.stat();
    if (!stats.isFile()) return { fault: 'is not a file', absent: false };
    if (stats.size > MAX_TEXT_BYTES)
      return { fault: `has ${stats.size} bytes; at most ${MAX_TEXT_BYTES} are read`, absent: false };
    const bytes = await handle.readFile();
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { fault: 'is not there', absent: true };
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { fault: 'is not UTF-8 text', absent: false };
    return { fault: `cannot be read (${code ?? 'unknown reason'})`, absent: false };
  } finally {
    await handle?.close();
  }
}
