import { z } from 'zod';
import { expression, identifier, length, sqlFile, tableName } from './common.js';
import { candidate } from './model.js';
import { partition } from './partition.js';
import { calendar, resample, unpivot, window } from './series.js';

const where = expression.optional().describe('which rows of that table; `$name` stands for a parameter');

/** Puts each point (columns `lon`, `lat`) into a polygon, or the one whose edge is nearest within `maxDistance`. */
export const assign = z.strictObject({
  polygons: tableName.describe('a source of polygons'),
  where,
  as: identifier.describe('column that takes the id of the polygon'),
  maxDistance: length.optional().describe('how far outside a polygon a point may lie'),
  unmatched: z
    .enum(['quarantine', 'null'])
    .default('null')
    .describe('a point in no polygon: put the row aside, or leave the column empty'),
});

/** The nearest point of another table, by great-circle distance; ties go to the first row of that table. */
export const nearest = z.strictObject({
  to: tableName.describe('a table with points'),
  where,
  within: z.record(identifier, identifier).optional().describe('own column: their column, which must be equal'),
  take: z.record(identifier, identifier).default({}).describe('new column: their column'),
  distance: identifier.optional().describe('column that takes the metres'),
  unmatched: z
    .enum(['quarantine', 'null'])
    .default('null')
    .describe('no point to be near: put the row aside, or leave the columns empty'),
});

/** How many points of another table lie within each radius, bounds included. */
export const countWithin = z.strictObject({
  of: tableName.describe('a table with points'),
  where,
  radii: z.record(identifier, length).describe('new column: radius, such as 5 mi'),
});

/** `count()`, `sum(column)`, `mean(column)`, `min(column)`, `max(column)`, `distinct(column)`. */
export const aggregate = z
  .string()
  .regex(
    /^(count\(\)|(sum|mean|min|max|distinct)\([A-Za-z][A-Za-z0-9_]*\))$/,
    'expected count(), or sum, mean, min, max or distinct of a column',
  )
  .transform((text) => {
    const match = /^(\w+)\((\w*)\)$/.exec(text);
    return { op: match?.[1] as 'count' | 'sum' | 'mean' | 'min' | 'max' | 'distinct', column: match?.[2] || undefined };
  });
export type Aggregate = z.infer<typeof aggregate>;

/** Groups a table; with `on` the result is joined to the working table, without it becomes the working table. */
export const rollup = z.strictObject({
  of: tableName.optional().describe('default: the working table itself'),
  where,
  by: z.array(identifier).min(1).describe('columns whose equal values make a group'),
  on: z.array(identifier).min(1).optional().describe('own columns that match `by`, in that order'),
  add: z.record(identifier, aggregate).describe('new column: count(), or sum, mean, min, max or distinct of a column'),
  fill: z.number().optional().describe('value where nothing matched; default: missing'),
});

/** Shares of each disc (area, at its point) of another table inside a buffer round each own point, and means weighted by them. */
export const bufferShare = z.strictObject({
  of: tableName.describe('a table of points with an area'),
  where,
  radius: length.describe('of the buffer, such as 5 mi'),
  area: identifier.describe('their column with the area in m²; none or 0 counts as a point'),
  mean: z
    .union([z.record(identifier, identifier), z.array(identifier)])
    .default({})
    .transform((mean) => (Array.isArray(mean) ? Object.fromEntries(mean.map((name) => [name, name])) : mean))
    .describe('new column: their column to average; a list keeps the names'),
  count: identifier.optional().describe('column that takes the number of discs that meet the buffer'),
});

/** What learners that were fitted on another table say of the own rows: quantiles of a forecast, for one. */
export const fit = z.strictObject({
  on: tableName.describe('the table that is learned from; rows of it without a target are passed over'),
  where,
  target: identifier.describe('its column that is learned'),
  features: z.array(identifier).min(1).describe('columns of both tables that it is learned from, in this order'),
  add: z
    .record(identifier, candidate)
    .refine((columns) => Object.keys(columns).length > 0, 'expected at least one column')
    .describe('new column: a learner with its parameters'),
  by: identifier
    .optional()
    .describe(
      'column of both tables: for each of its values, learners of their own; a value never seen is not foretold',
    ),
  ascending: z
    .boolean()
    .default(false)
    .describe('the new columns are put in ascending order in each row, as quantiles of one thing must be'),
  min: z.number().optional().describe('lower predictions become this'),
});

/** One thing done to the working table. */
export const builder = z.union([
  z.strictObject({ sql: sqlFile.describe('makes the working table anew by one select') }),
  z.strictObject({
    derive: z.record(identifier, expression).describe('new columns by SQL expressions over the working table'),
  }),
  z.strictObject({
    assign: assign.describe('puts each point (columns lon, lat) into a polygon, or the one whose edge is nearest'),
  }),
  z.strictObject({
    nearest: nearest.describe('takes columns of the nearest point of another table, by great-circle distance'),
  }),
  z.strictObject({
    'count-within': countWithin.describe('counts the points of another table within each radius, bounds included'),
  }),
  z.strictObject({
    rollup: rollup.describe('groups a table; with `on` the result is joined, without it becomes the working table'),
  }),
  z.strictObject({
    'buffer-share': bufferShare.describe(
      'means over the discs of another table inside a buffer round each point, weighted by their share in it',
    ),
  }),
  z.strictObject({
    resample: resample.describe(
      'spreads amounts of intervals over a regular grid of buckets, which becomes the working table',
    ),
  }),
  z.strictObject({
    window: window.describe('lags, differences, windows and expanding means over the earlier rows of a series'),
  }),
  z.strictObject({
    calendar: calendar.describe('what the clock and the calendar of a place say of a time, public holidays included'),
  }),
  z.strictObject({
    fit: fit.describe('learns from the rows of another table and adds what it foretells for the own rows'),
  }),
  z.strictObject({ unpivot: unpivot.describe('wide to long: a row for each of the columns') }),
]);
export type Builder = z.infer<typeof builder>;

/** A table made by a chain of builders in one step; SQL sees the working table as `self` and those in `uses` by name. */
export const table = z.strictObject({
  title: z.string().optional().describe('name for people'),
  from: tableName.optional().describe('the working table to begin with; none: the first builder is an sql'),
  uses: z.array(tableName).default([]).describe('other tables that the SQL of its steps reads'),
  when: identifier.optional().describe('an optional source without which the table is left out'),
  cutoffs: z.array(identifier).optional().describe('built once for each of these cut-offs, as name@cutoff'),
  partition: partition
    .optional()
    .describe(
      'column of the table that it begins with, or several, day(), month() or year() of a time among them: made and reused separately for each of their values; with builders that add columns, or with SQL that looks at one partition at a time',
    ),
  key: z.array(identifier).min(1).describe('columns that name a row, together unique'),
  sort: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9_]*( desc)?$/))
    .optional()
    .describe('default: the key'),
  steps: z.array(builder).min(1).describe('builders, each on what the one before left'),
});
export type Table = z.infer<typeof table>;
