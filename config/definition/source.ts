import { z } from 'zod';
import { size } from '../units.js';
import { identifier } from './common.js';
import { contractColumn, contractParts } from './contract.js';

export type { ContractColumn } from './contract.js';

const place = z
  .string()
  .min(1)
  .refine((uri) => !/^https?:\/\/[^/]*@/i.test(uri), 'a user name or password in an address would be told in logs')
  .describe('path relative to the inputs folder, with * and ** for several files read as one; or an http(s) address');

const shared = {
  uri: place,
  title: z.string().optional().describe('name for people'),
  optional: z.boolean().default(false).describe('absent: an empty table with the declared columns'),
  sort: z.array(identifier).default([]).describe('order of the validated table; default: the order of the file'),
  maxBytes: size.prefault('2GB').describe('largest file that is read, also once it is unpacked'),
  maxQuarantinedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('share of rows beyond which the whole source is refused'),
  columns: z.record(identifier, contractColumn).describe('the contract: columns by name, in their order'),
  ...contractParts,
};

/** How the records of a file are written. What a file is shows in its content; its name says nothing. */
export const recordSource = z.strictObject({
  ...shared,
  format: z
    .enum(['csv', 'excel', 'json', 'jsonl', 'parquet', 'any'])
    .describe('how the file is written; any: what its content shows'),
  delimiter: z.string().length(1).default(',').describe('csv: between cells'),
  quote: z.string().max(1).default('"').describe('csv: round cells that hold a delimiter; empty: there is none'),
  decimal: z.enum(['.', ',']).default('.').describe('decimal mark of numbers'),
  encoding: z
    .enum(['utf-8', 'utf-16', 'latin-1'])
    .default('utf-8')
    .describe('csv, json: how text is written; a byte order mark counts more'),
  header: z
    .boolean()
    .default(true)
    .describe('csv, excel: the first record names the columns; else they are column0, column1, …'),
  skip: z.int().min(0).max(1000).default(0).describe('csv, excel: lines above the header that are passed over'),
  sheet: z.string().optional().describe('excel: the sheet to read; needed where there are several'),
  nulls: z.array(z.string()).default(['']).describe('cells that mean missing'),
  columns: shared.columns.refine((columns) => Object.keys(columns).length > 0, 'expected at least one column'),
});

/** Polygons with a text `id`; each property named in `columns` becomes a column, `geometry` is GeoJSON text. */
export const polygonSource = z.strictObject({
  ...shared,
  format: z.enum(['geojson', 'topojson']).describe('how the file is written'),
  object: z.string().optional().describe('topojson: the object to read'),
  crossing: z
    .enum(['allow', 'reject'])
    .default('allow')
    .describe('a polygon whose outline crosses itself: rejected ones are quarantined under `geometry.crossing`'),
  columns: shared.columns.default({}),
});

export const source = z.discriminatedUnion('format', [recordSource, polygonSource]);
export type Source = z.infer<typeof source>;
export type RecordSource = z.infer<typeof recordSource>;
export type PolygonSource = z.infer<typeof polygonSource>;

/** A contract in a file of its own: a source without a place. */
export const contractFile = z.discriminatedUnion('format', [
  recordSource.extend({ uri: place.default('*') }),
  polygonSource.extend({ uri: place.default('*') }),
]);

export const isLayer = (source: Source): source is PolygonSource =>
  source.format === 'geojson' || source.format === 'topojson';

/** Whether a source may be several files. */
export const isGlob = ({ uri }: Pick<Source, 'uri'>): boolean => !isAddress(uri) && uri.includes('*');

export const isAddress = (uri: string): boolean => /^https?:\/\//i.test(uri);

/** A source's place as people are told of it: an address without what follows a question mark, where keys are often put. */
export const shownPlace = (uri: string): string => (isAddress(uri) ? uri.replace(/[?#].*$/s, '') : uri);
