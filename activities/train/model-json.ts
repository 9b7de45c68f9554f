import { GeorefreshError } from '../../config/errors.js';
import type { Model } from './learner.js';

const ARRAYS = { Float64Array, Float32Array, Int32Array, Uint32Array, Uint16Array, Uint8Array } as const;
type ArrayName = keyof typeof ARRAYS;

/** Key of the object that stands for a typed array: its kind, and its bytes (little-endian) in base64. */
const TAG = '$array';

interface Tagged {
  [TAG]: ArrayName;
  base64: string;
}

/** A fitted model as JSON; typed arrays keep every bit. */
export const encodeModelJson = (model: Model): Uint8Array =>
  Buffer.from(
    JSON.stringify(model, (_, value: unknown) => {
      if (!ArrayBuffer.isView(value)) return value;
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return { [TAG]: value.constructor.name, base64: bytes.toString('base64') };
    }),
  );

/** The model that `encodeModelJson` wrote; GR-3008 where the bytes are none. */
export function decodeModelJson(bytes: Uint8Array): Model {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'), (_, value: unknown) =>
      isTagged(value) ? arrayOf(value) : value,
    ) as Model;
  } catch (cause) {
    throw new GeorefreshError('GR-3008', 'the bytes are not a model of this project', { cause });
  }
}

/** Over a copy of its own: a Buffer may lie in a shared pool, at an offset that the array type does not allow. */
const arrayOf = ({ [TAG]: kind, base64 }: Tagged) =>
  new ARRAYS[kind](Uint8Array.from(Buffer.from(base64, 'base64')).buffer);

const isTagged = (value: unknown): value is Tagged =>
  typeof value === 'object' &&
  value !== null &&
  TAG in value &&
  typeof value[TAG] === 'string' &&
  Object.hasOwn(ARRAYS, value[TAG]) &&
  'base64' in value &&
  typeof value.base64 === 'string';
