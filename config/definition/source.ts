import { z } from 'zod';
import { identifier } from './common.js';

/** What a column of a source must be; a row that is not goes to quarantine under the rule `<column>.<check>`. */
export const contractColumn = z
  .strictObject({
    from: z.string().min(1).optional().describe("the column's name in the file; default: the same name"),
    type: z
      .enum(['text', 'integer', 'double', 'boolean', 'timestamp', 'date'])
      .describe('a cell that is not of it breaks the contract'),
    required: z.boolean().default(false).describe('an empty cell breaks the contract'),
    pad: z.int().min(1).max(64).optional().describe('text: lost leading zeros are put back up to this length'),
    min: z.number().optional().describe('least value, itself allowed'),
    max: z.number().optional().describe('greatest value, itself allowed'),
    allowed: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .optional()
      .describe('the only values there may be'),
    forbidden: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .optional()
      .describe('values that there may not be'),
    pattern: z.string().optional().describe('text: a regular expression (RE2) that the whole cell must match'),
    unique: z.boolean().default(false).describe('the first row with a value stays, later ones are quarantined'),
    map: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .optional()
      .describe('cell → value, before the type; a cell that is no key breaks the contract'),
    personal: z.boolean().default(false).describe('never shown in logs, errors or names'),
  })
  .superRefine((column, context) => {
    const textOnly = ['pad', 'pattern'] as const;
    for (const key of textOnly)
      if (column[key] !== undefined && column.type !== 'text')
        context.addIssue({ code: 'custom', path: [key], message: `${key} is for columns of type text` });
    for (const key of ['min', 'max'] as const)
      if (column[key] !== undefined && column.type !== 'integer' && column.type !== 'double')
        context.addIssue({ code: 'custom', path: [key], message: `${key} is for columns of type integer or double` });
    if (column.min !== undefined && column.max !== undefined && column.min > column.max)
      context.addIssue({ code: 'custom', path: ['min'], message: 'min is above max' });
  });
export type ContractColumn = z.infer<typeof contractColumn>;

const shared = {
  uri: z.string().min(1).describe('path relative to the inputs folder'),
  title: z.string().optional().describe('name for people'),
  optional: z.boolean().default(false).describe('absent: an empty table with the declared columns'),
  sort: z.array(identifier).default([]).describe('order of the validated table; default: the order of the file'),
  maxQuarantinedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('share of rows beyond which the whole source is refused'),
  columns: z.record(identifier, contractColumn).describe('the contract: columns by name, in their order'),
};

export const csvSource = z.strictObject({
  ...shared,
  format: z.literal('csv').describe('how the file is written'),
  delimiter: z.string().length(1).default(',').describe('between cells'),
  quote: z.string().length(1).default('"').describe('round cells that hold a delimiter'),
  nulls: z.array(z.string()).default(['']).describe('cells that mean missing'),
  columns: shared.columns.refine((columns) => Object.keys(columns).length > 0, 'expected at least one column'),
});

/** Polygons with a text `id`; each property named in `columns` becomes a column, `geometry` is GeoJSON text. */
export const polygonSource = z.strictObject({
  ...shared,
  format: z.enum(['geojson', 'topojson']).describe('how the file is written'),
  object: z.string().optional().describe('topojson: the object to read'),
  columns: shared.columns.default({}),
});

export const source = z.discriminatedUnion('format', [csvSource, polygonSource]);
export type Source = z.infer<typeof source>;
export type CsvSource = z.infer<typeof csvSource>;
export type PolygonSource = z.infer<typeof polygonSource>;
