import { open } from 'node:fs/promises';

/** What a file is by its first bytes. */
export type Content =
  | 'gzip'
  | 'zstd'
  | 'bzip2'
  | 'xz'
  | 'parquet'
  | 'excel'
  | 'old excel'
  | 'utf-16'
  | 'json'
  | 'jsonl'
  | 'text'
  | 'empty';

/** Enough to see past a mark, blanks and a first line. */
const LOOKED_AT = 4096;

const startsWith = (bytes: Uint8Array, ...signature: number[]): boolean =>
  signature.every((byte, at) => bytes[at] === byte);

/** Whether text says of itself that it is UTF-8. */
export const hasUtf8Mark = (head: Uint8Array): boolean => startsWith(head, 0xef, 0xbb, 0xbf);

/** The first bytes of a file. */
export async function headOf(path: string, length = LOOKED_AT): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Tells a file by its first bytes; text that is no JSON may be CSV, or anything. */
export function contentOf(head: Uint8Array): Content {
  if (head.length === 0) return 'empty';
  if (startsWith(head, 0x1f, 0x8b)) return 'gzip';
  if (startsWith(head, 0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (startsWith(head, 0x42, 0x5a, 0x68) && startsWith(head.subarray(4), 0x31, 0x41, 0x59, 0x26)) return 'bzip2';
  if (startsWith(head, 0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'xz';
  if (startsWith(head, 0x50, 0x41, 0x52, 0x31)) return 'parquet';
  if (startsWith(head, 0x50, 0x4b, 0x03, 0x04)) return 'excel';
  if (startsWith(head, 0xd0, 0xcf, 0x11, 0xe0)) return 'old excel';
  if (startsWith(head, 0xff, 0xfe) || startsWith(head, 0xfe, 0xff)) return 'utf-16';
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
    .toString('utf8')
    .replace(/^\ufeff?\s+|^\ufeff/, '');
  if (/^\[\s*[{\]]/.test(text)) return 'json';
  // An object in one line, or one that goes on in the next: no header of a CSV file begins so.
  return /^\{\s*"/.test(text) ? 'jsonl' : 'text';
}
