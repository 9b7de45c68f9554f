import { z } from 'zod';
import { expression, identifier, scalar, tableName } from './common.js';
import { train } from './model.js';
import { source } from './source.js';
import { table } from './table.js';
import { schedule, signals } from './timing.js';

export const output = z.strictObject({
  title: z.string().optional().describe('name for people'),
  table: tableName.describe('any table'),
  where: expression.optional().describe('which of its rows'),
  format: z
    .enum(['table', 'geojson'])
    .default('table')
    .describe('table: .parquet and .csv; geojson: points at lon, lat'),
  id: identifier.optional().describe('geojson: the column that becomes the id of a feature'),
  drop: z.array(identifier).default([]).describe('columns that are not published'),
  show: z.array(identifier).default([]).describe('columns of the short list on screen and in the report'),
  to: z
    .union([z.literal('postgres'), z.strictObject({ postgres: identifier.describe('name of the table there') })])
    .optional()
    .describe(
      'where its rows go beside the lake: a table of the same name in the PostgreSQL of GEOREFRESH_POSTGRES_URL, or of another name',
    ),
});
export type Output = z.infer<typeof output>;

/** A choropleth of one output over polygons, with the points of another on top. */
export const reportMap = z.strictObject({
  polygons: tableName.describe('a source of polygons'),
  output: identifier.describe('the output that colours them'),
  id: identifier.describe('column of the output that is the id of its polygon'),
  name: identifier.optional().describe('column of the polygons with a name for people; default: the id'),
  value: identifier.describe('column of the output that is shown as colour'),
  label: z.string().describe('what the colour means'),
  points: identifier.optional().describe('a geojson output'),
  borders: tableName.optional().describe('a source of polygons whose outlines are drawn over the colours'),
  projection: z.enum(['albersUsa', 'mercator']).default('mercator').describe('how the map is flattened'),
});

const chartShared = {
  output: identifier.describe('the output that is drawn'),
  title: z.string().optional().describe("default: the output's"),
  note: z.string().optional().describe('a few words beside the title'),
  x: identifier.describe('its column from left to right: numbers or times'),
};

/** Lines over a column of an output, or cells of two columns coloured by a third. */
export const chart = z.union([
  z.strictObject({
    ...chartShared,
    lines: z.array(identifier).min(1).max(4).describe('its columns that are drawn as lines'),
    band: z.tuple([identifier, identifier]).optional().describe('two of its columns between which a band is drawn'),
    rows: z.int().min(2).max(2000).optional().describe('only its first rows'),
  }),
  z.strictObject({
    ...chartShared,
    y: identifier.describe('its column from top to bottom: numbers'),
    value: identifier.describe('its column that is shown as colour'),
  }),
]);
export type Chart = z.infer<typeof chart>;

export const pipeline = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,40}$/, 'expected lower-case letters, digits and -')
    .describe("the folder's name"),
  title: z.string().describe('name for people'),
  description: z.string().describe('what it makes, and from what'),
  parameters: z
    .record(identifier, scalar)
    .default({})
    .describe('numbers, texts and truths that SQL knows as `$name` and a run may override'),
  sources: z.record(identifier, source).describe('files that it reads, by name'),
  cutoffs: z
    .record(identifier, z.record(identifier, scalar))
    .default({})
    .describe('what was known, and what is asked, at a point in time: parameters by cut-off'),
  features: z.record(identifier, table).default({}).describe('tables made of the sources, by name'),
  train: train.optional().describe('what is learned, and how models are judged'),
  score: z
    .strictObject({
      predict: z
        .strictObject({
          table: tableName.describe('the rows to predict'),
          as: identifier.describe('column that takes the prediction'),
          min: z.number().optional().describe('lower predictions become this'),
          partition: identifier
            .optional()
            .describe('column of that table: predicted and reused separately for each of its values'),
        })
        .optional()
        .describe("the champion's predictions for a table, as table `predictions`"),
      tables: z.record(identifier, table).default({}).describe('tables made of everything before, by name'),
    })
    .default({ tables: {} })
    .describe('what the champion is asked, and what is made of its answers'),
  metrics: z
    .strictObject({
      models: tableName.describe('a table with a row for each `name`, and a figure in each other column'),
      baselines: tableName.optional().describe('the same of what they are held against'),
    })
    .optional()
    .describe('figures of metrics.json where nothing is trained'),
  outputs: z.record(identifier, output).describe('what is published, by the name of its files'),
  report: z
    .strictObject({
      map: reportMap.optional().describe('a map of one output over polygons'),
      charts: z.array(chart).max(12).default([]).describe('drawings of outputs'),
    })
    .prefault({})
    .describe('what the report shows beside figures and tables'),
  retention: z
    .strictObject({
      snapshots: z.int().min(1).default(30).describe('so many are kept at least'),
      days: z.int().min(0).default(365).describe('those of so many days are kept'),
      layers: z
        .partialRecord(z.enum(['raw', 'validated', 'quarantine', 'features', 'models', 'predictions']), z.int().min(1))
        .optional()
        .describe(
          'layers of the lake that go before their snapshots: of how many of the newest each is kept. There is no way back to a snapshot that lacks some',
        ),
      runs: z
        .int()
        .min(1)
        .default(500)
        .describe('so many manifests of runs are kept at least, and those of so many days'),
      resultDays: z
        .int()
        .min(0)
        .default(30)
        .describe('results of steps that no snapshot names are kept for reuse for so many days'),
    })
    .prefault({})
    .describe('what `georefresh gc` keeps of the lake'),
  schedule: schedule
    .optional()
    .describe('when it is refreshed by itself, once `georefresh schedule apply` has told the engine'),
  signals: signals.optional().describe('how signals of new data become refreshes'),
});

/** A pipeline as its YAML says it, with defaults filled in. */
export type Pipeline = z.infer<typeof pipeline>;
