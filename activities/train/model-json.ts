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

/** The model that `encodeModelJson` wrote. */
export const decodeModelJson = (bytes: Uint8Array): Model =>
  JSON.parse(Buffer.from(bytes).toString('utf8'), (_, value: unknown) => {
    if (!isTagged(value)) return value;
    const raw = Buffer.from(value.base64, 'base64');
    // A copy of its own: a Buffer may lie in a shared pool, at an offset that the array type does not allow.
    return new ARRAYS[value[TAG]](Uint8Array.from(raw).buffer);
  }) as Model;

const isTagged = (value: unknown): value is Tagged =>
  typeof value === 'object' &&
  value !== null &&
  TAG in value &&
  typeof value[TAG] === 'string' &&
  Object.hasOwn(ARRAYS, value[TAG]);
