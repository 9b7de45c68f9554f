import { z } from 'zod';
import { expression, identifier, scalar, tableName } from './common.js';
import { train } from './model.js';
import { source } from './source.js';
import { table } from './table.js';

export const output = z.strictObject({
  title: z.string().optional(),
  table: tableName,
  where: expression.optional(),
  format: z.enum(['table', 'geojson']).default('table').describe('table: .parquet and .csv; geojson: points at lon, lat'),
  id: identifier.optional().describe('geojson: the column that becomes the id of a feature'),
  drop: z.array(identifier).default([]).describe('columns that are not published'),
  show: z.array(identifier).default([]).describe('columns of the short list on screen and in the report'),
});
export type Output = z.infer<typeof output>;

/** A choropleth of one output over polygons, with the points of another on top. */
export const reportMap = z.strictObject({
  polygons: tableName,
  output: identifier,
  id: identifier.describe('column of the output that is the id of its polygon'),
  value: identifier,
  label: z.string(),
  points: identifier.optional().describe('a geojson output'),
  projection: z.enum(['albersUsa', 'mercator']).default('mercator'),
});

export const pipeline = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'expected lower-case letters, digits and -'),
  title: z.string(),
  description: z.string(),
  parameters: z.record(identifier, scalar).default({}),
  sources: z.record(identifier, source),
  cutoffs: z.record(identifier, z.record(identifier, scalar)).default({}).describe('what was known, and what is asked, at a point in time: parameters by cut-off'),
  features: z.record(identifier, table).default({}),
  train: train.optional(),
  score: z
    .strictObject({
      predict: z
        .strictObject({ table: tableName, as: identifier, min: z.number().optional() })
        .optional()
        .describe("the champion's predictions for a table, as table `predictions`"),
      tables: z.record(identifier, table).default({}),
    })
    .default({ tables: {} }),
  outputs: z.record(identifier, output),
  report: z.strictObject({ map: reportMap.optional() }).default({}),
  retention: z.strictObject({ snapshots: z.int().min(1).default(30), days: z.int().min(1).default(365) }).prefault({}),
});

/** A pipeline as its YAML says it, with defaults filled in. */
export type Pipeline = z.infer<typeof pipeline>;
