import { type DuckDBEnumType, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { GeorefreshError } from '../config/errors.js';
import { isValid, layoutOf } from './column-layouts.js';
import type { TextCodes } from './text-codes.js';
import type { Column } from './types.js';

/** One column's vector of a chunk, as DuckDB holds it. */
export interface Vector {
  handle: duckdb.Vector;
  rows: number;
  name: string;
}

type Block = Float64Array | Uint8Array | Int32Array;

/** Copies a vector's values into a block from `at` on, missing ones as the column's type has them. */
export type Fill = (vector: Vector, into: Block, at: number) => void;

/** How a column of a DuckDB type is read. */
export function fillOf(
  name: string,
  type: DuckDBType,
  texts: TextCodes | undefined,
): { type: Column['type']; fill: Fill } {
  if (type.typeId === DuckDBTypeId.BOOLEAN) return { type: 'boolean', fill: fillBooleans };
  if (type.typeId === DuckDBTypeId.VARCHAR && texts) return { type: 'text', fill: fillTexts(texts) };
  if (type.typeId === DuckDBTypeId.ENUM && texts)
    return { type: 'text', fill: fillEnum(type as DuckDBEnumType, texts) };
  const layout = layoutOf(type);
  if (layout === undefined)
    throw new GeorefreshError('GR-2106', `column ${name} is of type ${type}, which is not carried`);
  return {
    type: layout.type,
    fill: (vector, into, at) => {
      const data = duckdb.vector_get_data(vector.handle, vector.rows * layout.bytes);
      layout.convert(data, vector.rows, validityOf(vector), into as Float64Array, at, vector.name);
    },
  };
}

function validityOf({ handle, rows }: Vector): Uint8Array | null {
  // The binding gives null where every value is there, which its types leave out.
  return (duckdb.vector_get_validity(handle, Math.ceil(rows / 64) * 8) as Uint8Array | null) ?? null;
}

const fillBooleans: Fill = (vector, into, at) => {
  const data = duckdb.vector_get_data(vector.handle, vector.rows);
  const validity = validityOf(vector);
  for (let row = 0; row < vector.rows; row++) into[at + row] = isValid(validity, row) ? data[row] : 255;
};

const fillTexts =
  (texts: TextCodes): Fill =>
  (vector, into, at) =>
    texts.read(
      duckdb.vector_get_data(vector.handle, vector.rows * 16),
      vector.rows,
      validityOf(vector),
      into as Int32Array,
      at,
    );

const fillEnum = ({ values, internalTypeId }: DuckDBEnumType, texts: TextCodes): Fill => {
  const bytes = internalTypeId === DuckDBTypeId.UTINYINT ? 1 : internalTypeId === DuckDBTypeId.USMALLINT ? 2 : 4;
  return (vector, into, at) => {
    const data = duckdb.vector_get_data(vector.handle, vector.rows * bytes);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const validity = validityOf(vector);
    for (let row = 0; row < vector.rows; row++) {
      const value =
        bytes === 1 ? data[row] : bytes === 2 ? view.getUint16(row * 2, true) : view.getUint32(row * 4, true);
      into[at + row] = isValid(validity, row) ? texts.codeOf(values[value]) : -1;
    }
  };
};
