import { GeorefreshError } from '../config/errors.js';

/** S3's limit on a whole key, in bytes of UTF-8; a segment is bounded by what folders take. */
const MAX_KEY_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;

// Control characters, and what Windows refuses in file names.
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
const FORBIDDEN = /[\u0000-\u001f\u007f\\<>:"|?*]/;

/**
 * Refuses keys that are not plain relative paths (GR-5004). Segments that begin with a dot belong to the store itself
 * (temporary files, registers' chains), so no key may name one.
 */
export function checkKey(key: string): string {
  const fault = faultOf(key);
  if (fault !== undefined) throw new GeorefreshError('GR-5004', `key ${JSON.stringify(key.slice(0, 200))} ${fault}`);
  return key;
}

function faultOf(key: string): string | undefined {
  if (key === '') return 'is empty';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  if (FORBIDDEN.test(key)) return 'has a character that is not allowed';
  for (const segment of key.split('/')) {
    if (segment === '') return 'has an empty segment';
    if (segment.startsWith('.')) return 'has a segment that begins with a dot';
    if (segment.endsWith('.') || segment.endsWith(' ')) return 'has a segment that ends with a dot or a blank';
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `has a segment longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return undefined;
}

/** Joins segments to a checked key. */
export const keyOf = (...segments: string[]): string => checkKey(segments.join('/'));

/** `20260220T143022Z` of an ISO date-time: sorts as text in order of time and needs no escaping in a file name. */
export function stampOf(time: string): string {
  const parsed = new Date(time);
  if (Number.isNaN(parsed.getTime()))
    throw new GeorefreshError('GR-1002', `${JSON.stringify(time)} is not a date and time`);
  return parsed.toISOString().replace(/[-:]|\.\d+/g, '');
}
