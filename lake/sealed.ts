import { z } from 'zod';
import { GeorefreshError } from '../config/errors.js';
import { sha256Of } from './hashing.js';
import { jsonBytes, parseAs } from './manifest.js';

/**
 * The bytes of a state file that nothing else tells the digest of: it carries its own. `seal` is the SHA-256 of the
 * JSON text, without blanks, of all other fields.
 */
export const sealedBytes = (value: object): Uint8Array => jsonBytes({ ...value, seal: sealOf(value) });

const sealOf = (value: object): string => sha256Of(JSON.stringify(value));

const sealed = z.looseObject({ seal: z.string().optional() });

/**
 * Reads a sealed file: GR-4006 where it is none, or was altered. Without a seal it is refused too, unless `unsealed`
 * allows for files of versions that set none. The seal is left out of what is given.
 */
export function parseSealed<T extends z.ZodType>(
  schema: T,
  bytes: Uint8Array,
  name: string,
  { unsealed = false }: { unsealed?: boolean } = {},
): z.infer<T> {
  const { seal, ...rest } = parseAs(sealed, bytes, name);
  const isGood = seal === undefined ? unsealed : seal === sealOf(rest);
  if (!isGood) throw new GeorefreshError('GR-4006', `${name} was altered`, { where: [{ file: name }] });
  return parseAs(schema, jsonBytes(rest), name);
}
