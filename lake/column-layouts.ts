import { type DuckDBDecimalType, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { GeorefreshError } from '../config/errors.js';
import type { Column } from './types.js';

const MS_PER_DAY = 86_400_000;
const TWO_32 = 2 ** 32;

/** Bytes of one value, and how values are turned to numbers; undefined where a plain copy does. */
export interface Layout {
  bytes: number;
  type: Column['type'];
  convert(
    data: Uint8Array,
    rows: number,
    validity: Uint8Array | null,
    into: Float64Array,
    at: number,
    name: string,
  ): void;
}

/** Whether the value of a row is there. */
export const isValid = (validity: Uint8Array | null, row: number): boolean =>
  validity === null || ((validity[row >> 3] >> (row & 7)) & 1) === 1;

/** A layout of numbers that JavaScript has a typed array for. */
function plain(
  array: {
    new (buffer: ArrayBufferLike, offset: number, length: number): ArrayLike<number>;
    BYTES_PER_ELEMENT: number;
  },
  type: Column['type'],
  factor = 1,
): Layout {
  return {
    bytes: array.BYTES_PER_ELEMENT,
    type,
    convert(data, rows, validity, into, at) {
      const items = new array(data.buffer, data.byteOffset, rows);
      if (factor === 1) into.set(items, at);
      else for (let row = 0; row < rows; row++) into[at + row] = items[row] * factor;
      if (validity !== null)
        for (let row = 0; row < rows; row++) if (!isValid(validity, row)) into[at + row] = Number.NaN;
    },
  };
}

/** Signed or unsigned integers of 64 or 128 bits, from words of 32: exact to 2^53, GR-2106 above. */
function wide(bytes: 8 | 16, signed: boolean): Layout {
  const words = bytes / 4;
  return {
    bytes,
    type: 'integer',
    convert(data, rows, validity, into, at, name) {
      const items = new Uint32Array(data.buffer, data.byteOffset, rows * words);
      for (let row = 0; row < rows; row++) {
        if (!isValid(validity, row)) {
          into[at + row] = Number.NaN;
          continue;
        }
        const low = row * words;
        const high = signed ? items[low + 1] | 0 : items[low + 1];
        const value = high * TWO_32 + items[low];
        const extension = signed && high < 0 ? 0xffffffff : 0;
        const fits = bytes === 8 || (items[low + 2] === extension && items[low + 3] === extension);
        // 2^53 itself is refused: its neighbour above would read as the same number.
        if (!fits || !Number.isSafeInteger(value))
          throw new GeorefreshError('GR-2106', `column ${name} holds an integer beyond 2^53`);
        into[at + row] = value;
      }
    },
  };
}

/**
 * Ticks of 64 bits to milliseconds, `perMs` to one. Those beyond 2^53 (the year 9999 in microseconds, any year in
 * nanoseconds) go by way of bigint, so that whole milliseconds stay exact. DuckDB's infinities stay infinite.
 */
function ticks(perMs: number, msPer = 1): Layout {
  const big = BigInt(perMs);
  return {
    bytes: 8,
    type: 'timestamp',
    convert(data, rows, validity, into, at) {
      const items = new Int32Array(data.buffer, data.byteOffset, rows * 2);
      const exact = new BigInt64Array(data.buffer, data.byteOffset, rows);
      for (let row = 0; row < rows; row++) {
        const low = items[row * 2] >>> 0;
        const high = items[row * 2 + 1];
        let value = high * TWO_32 + low;
        if (high === 0x7fffffff && low === 0xffffffff) value = Number.POSITIVE_INFINITY;
        else if (high === -0x80000000 && low === 1) value = Number.NEGATIVE_INFINITY;
        else if (Number.isSafeInteger(value)) value = (value / perMs) * msPer;
        else value = (Number(exact[row] / big) + Number(exact[row] % big) / perMs) * msPer;
        into[at + row] = isValid(validity, row) ? value : Number.NaN;
      }
    },
  };
}

/** Scaled integers to doubles; whole part and fraction apart, so that wide ones lose nothing but the last bit. */
function decimal({ width, scale }: DuckDBDecimalType): Layout {
  const bytes = width <= 4 ? 2 : width <= 9 ? 4 : width <= 18 ? 8 : 16;
  const unit = 10 ** scale;
  const bigUnit = 10n ** BigInt(scale);
  const scaled = (view: DataView, at: number): number | bigint => {
    if (bytes === 2) return view.getInt16(at, true);
    if (bytes === 4) return view.getInt32(at, true);
    const high = bytes === 16 ? view.getBigInt64(at + 8, true) : 0n;
    return bytes === 8 ? view.getBigInt64(at, true) : (high << 64n) + view.getBigUint64(at, true);
  };
  return {
    bytes,
    type: 'double',
    convert(data, rows, validity, into, at) {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      for (let row = 0; row < rows; row++) {
        if (!isValid(validity, row)) {
          into[at + row] = Number.NaN;
          continue;
        }
        const value = scaled(view, row * bytes);
        const small = Number(value);
        into[at + row] =
          typeof value === 'number' || Number.isSafeInteger(small)
            ? small / unit
            : Number(value / bigUnit) + Number(value % bigUnit) / unit;
      }
    },
  };
}

const infinite = (layout: Layout): Layout => ({
  ...layout,
  convert(data, rows, validity, into, at, name) {
    layout.convert(data, rows, validity, into, at, name);
    const days = new Int32Array(data.buffer, data.byteOffset, rows);
    for (let row = 0; row < rows; row++) {
      if (Math.abs(days[row]) === 0x7fffffff && !Number.isNaN(into[at + row]))
        into[at + row] = Math.sign(days[row]) * Number.POSITIVE_INFINITY;
    }
  },
});

const allMissing: Layout = {
  bytes: 0,
  type: 'double',
  convert: (_data, rows, _validity, into, at) => void into.fill(Number.NaN, at, at + rows),
};

const LAYOUTS: Partial<Record<DuckDBTypeId, Layout>> = {
  [DuckDBTypeId.DOUBLE]: plain(Float64Array, 'double'),
  [DuckDBTypeId.FLOAT]: plain(Float32Array, 'double'),
  [DuckDBTypeId.TINYINT]: plain(Int8Array, 'integer'),
  [DuckDBTypeId.SMALLINT]: plain(Int16Array, 'integer'),
  [DuckDBTypeId.INTEGER]: plain(Int32Array, 'integer'),
  [DuckDBTypeId.UTINYINT]: plain(Uint8Array, 'integer'),
  [DuckDBTypeId.USMALLINT]: plain(Uint16Array, 'integer'),
  [DuckDBTypeId.UINTEGER]: plain(Uint32Array, 'integer'),
  [DuckDBTypeId.BIGINT]: wide(8, true),
  [DuckDBTypeId.UBIGINT]: wide(8, false),
  [DuckDBTypeId.HUGEINT]: wide(16, true),
  [DuckDBTypeId.UHUGEINT]: wide(16, false),
  [DuckDBTypeId.DATE]: infinite(plain(Int32Array, 'timestamp', MS_PER_DAY)),
  [DuckDBTypeId.TIMESTAMP_S]: ticks(1, 1000),
  [DuckDBTypeId.TIMESTAMP_MS]: ticks(1),
  [DuckDBTypeId.TIMESTAMP]: ticks(1000),
  [DuckDBTypeId.TIMESTAMP_TZ]: ticks(1000),
  [DuckDBTypeId.TIMESTAMP_NS]: ticks(1_000_000),
  [DuckDBTypeId.SQLNULL]: allMissing,
};

/** The layout of a DuckDB type of numbers or times, undefined where it is neither. */
export function layoutOf(type: DuckDBType): Layout | undefined {
  return type.typeId === DuckDBTypeId.DECIMAL ? decimal(type as DuckDBDecimalType) : LAYOUTS[type.typeId];
}
