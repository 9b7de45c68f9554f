import { GeorefreshError } from '../../../config/errors.js';
import type { Column, Columns } from '../../../lake/types.js';
import type { KernelInput, KernelName, KernelOutput } from '../../pool/kernels.js';
import type { BallTree } from '../geo/ball-tree.js';
import type { PolygonLayer } from '../geo/layers.js';

/** What a builder may ask of the step that runs it. */
export interface BuildContext {
  /** Threads that kernels may be spread over. */
  readonly threads: number;
  /** Columns of another table in its order, of the rows where an expression holds. */
  read(table: string, columns: string[], where?: string): Promise<Columns>;
  /** The polygons of a table that came from a layer, in its order. */
  polygons(table: string, where?: string): Promise<{ ids: (string | null)[]; layer: PolygonLayer }>;
  /** Runs a kernel over ranges of its rows, spread over the threads. */
  kernel<K extends KernelName>(kernel: K, input: KernelInput<K>, rows: number): Promise<KernelOutput<K>>;
  /** Runs a kernel once a thread, each with its own part of the work. */
  kernelParts<K extends KernelName>(
    kernel: K,
    rows: number,
    inputOf: (part: number, parts: number) => KernelInput<K>,
  ): Promise<KernelOutput<K>[]>;
  /** Runs a kernel once, in one thread. */
  whole<K extends KernelName>(kernel: K, input: KernelInput<K>): Promise<KernelOutput<K>>;
  /** The ball tree of points, built once for all who ask. */
  tree(points: { lon: Float64Array; lat: Float64Array; group?: Int32Array }): Promise<BallTree>;
  /** Puts rows of the working table aside: they leave it after the builder. */
  quarantine(rows: Int32Array, rule: string, reason: string): void;
  /** Counts for the manifest. */
  note(fact: string, value: number): void;
}

/** The coordinates of a table: columns `lon` and `lat` in degrees. */
export function coordinates({ columns }: Columns, table: string): { lon: Float64Array; lat: Float64Array } {
  return { lon: numbers(columns.lon, 'lon', table), lat: numbers(columns.lat, 'lat', table) };
}

/** The values of a column of numbers, NaN where missing; GR-1003 where the table has none of that name. */
export function numbers(column: Column | undefined, name: string, table: string): Float64Array {
  if (column === undefined || column.type === 'text' || column.type === 'boolean')
    throw new GeorefreshError('GR-1003', `${table} has no column ${name} of numbers`);
  return column.values;
}

export const withColumns = (self: Columns, added: Record<string, Column>): Columns => ({
  rows: self.rows,
  columns: { ...self.columns, ...added },
});
