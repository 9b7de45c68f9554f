import { z } from 'zod';
import { PROJECTIONS } from './map-frame.js';

/** Fields that differ between two runs over equal data carry `volatile` in their metadata. */
const volatile = <T extends z.ZodType>(schema: T): T => schema.meta({ volatile: true });

const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const bounds = z.tuple([z.number(), z.number(), z.number(), z.number()]);

const source = z.strictObject({
  name: z.string(),
  rows: count,
  /** Rows that went on; the others are in quarantine. */
  good: count,
  bytes: count,
  sha256,
  /** What earlier published runs found, latest first. */
  past: volatile(z.array(z.strictObject({ logicalTime: z.string(), rows: count, failed: count }))),
  quarantine: z.array(
    z.strictObject({
      rule: z.string(),
      rows: count,
      example: z.strictObject({ row: count, reason: z.string() }).optional(),
    }),
  ),
});

const metricValues = z.record(z.string(), z.number().nullable());

const metrics = z.strictObject({
  /** The content of metrics.json as far as it was measured in the judging evaluation. */
  table: z.strictObject({
    champion: z.string(),
    models: z.record(z.string(), metricValues),
    baselines: z.record(z.string(), metricValues),
  }),
  /** The metric that chose the champion. */
  judge: z.string(),
  better: z.record(z.string(), z.enum(['higher', 'lower'])),
  /** What a metric means, in a few words, by its key. */
  meanings: z.record(z.string(), z.string()).optional(),
  /** How it was measured: `Five folds of counties`. */
  evaluation: z.string(),
  /** What the champion leans on, most first. */
  importance: z
    .strictObject({
      /** Held-out rows on which a feature's values were shuffled. */
      rows: count,
      features: z.array(
        z.strictObject({
          name: z.string(),
          /** Its share of all gain (or of all slopes) of the champion. */
          share: z.number(),
          /** What the judging metric loses without it. */
          loss: z.number().nullable(),
        }),
      ),
    })
    .optional(),
  /** The judging metric under each way of evaluation, by model or baseline. */
  evaluations: z.array(z.strictObject({ title: z.string(), values: metricValues })),
  lift: z
    .strictObject({
      /** What the rows are, and what is to be found among them: `tracts`, `new stations`. */
      rows: z.string(),
      gain: z.string(),
      /** A share of the rows to read the curve at. */
      mark: z.number().positive().max(1).optional(),
      /** Shares from (0, 0) to (1, 1), by model or baseline. */
      curves: z.record(z.string(), z.array(z.strictObject({ rows: z.number(), gain: z.number() }))),
    })
    .optional(),
});

const map = z.strictObject({
  title: z.string(),
  /** What the colours say, with its unit: `expected new stations`. */
  label: z.string(),
  projection: z.enum(PROJECTIONS),
  /** A choropleth: shapes are handed over beside the data, by id. */
  areas: z.array(z.strictObject({ id: z.string(), name: z.string(), value: z.number().nullable() })).optional(),
  /** Hexagons in their place, as `binPoints` makes them. */
  bins: z
    .strictObject({
      extent: bounds,
      radius: z.number().positive(),
      cells: z.array(z.strictObject({ x: z.number(), y: z.number(), rows: count, value: z.number().nullable() })),
      outside: count,
    })
    .optional(),
  points: z
    .strictObject({
      label: z.string(),
      items: z.array(z.strictObject({ lon: z.number(), lat: z.number(), name: z.string() })),
    })
    .optional(),
});

const values = z.array(z.number().nullable());
const chartShared = { title: z.string(), note: z.string().optional() };

const chart = z.discriminatedUnion('kind', [
  z.strictObject({
    ...chartShared,
    kind: z.literal('lines'),
    /** Times are milliseconds since the epoch. */
    x: z.strictObject({ name: z.string(), type: z.enum(['number', 'time']), values: z.array(z.number()) }),
    lines: z.array(z.strictObject({ name: z.string(), values })),
    band: z.strictObject({ name: z.string(), low: values, high: values }).optional(),
  }),
  z.strictObject({
    ...chartShared,
    kind: z.literal('heat'),
    x: z.string(),
    y: z.string(),
    value: z.string(),
    cells: z.array(z.strictObject({ x: z.number(), y: z.number(), value: z.number().nullable() })),
  }),
]);

const table = z.strictObject({
  name: z.string(),
  title: z.string().optional(),
  /** Rows of the whole output; `top` holds its first few, cell by cell in the order of `columns`. */
  rows: count,
  columns: z.array(
    z.strictObject({ name: z.string(), type: z.enum(['text', 'integer', 'number', 'share', 'boolean']) }),
  ),
  top: z.array(z.array(cell)),
});

/**
 * All that a report shows: aggregates and short lists, some kilobytes whatever the number of rows. Times are ISO 8601 in
 * UTC, durations seconds, sizes bytes, shares between 0 and 1.
 */
export const reportData = z.strictObject({
  pipeline: z.strictObject({ name: z.string(), title: z.string(), description: z.string().optional() }),
  run: z.strictObject({
    id: volatile(z.string()),
    logicalTime: z.string(),
    startedAt: volatile(z.string()),
    seconds: volatile(z.number()),
    trigger: z.string(),
    outcome: z.string(),
    failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  }),
  sample: z.boolean(),
  sources: z.array(source),
  metrics: metrics.optional(),
  map: map.optional(),
  charts: z.array(chart).optional(),
  tables: z.array(table),
  outputs: z.array(z.strictObject({ name: z.string(), rows: count.nullable(), bytes: count, sha256 })),
  stages: z.array(
    z.strictObject({
      name: z.string(),
      seconds: volatile(z.number()),
      steps: count,
      reused: volatile(count),
      rowsIn: count,
      rowsOut: count,
    }),
  ),
  /** Steps in the order of the manifest: what became of each, and how long it took, and usually takes. */
  steps: z.array(
    z.strictObject({
      id: z.string(),
      what: volatile(z.string()),
      seconds: volatile(z.number().nullable()),
      usual: volatile(z.number().nullable()),
    }),
  ),
  parameters: z.array(z.strictObject({ name: z.string(), value: cell })),
  /** Sentences that a reader should know: what was not measured, what is undated. */
  notes: z.array(z.string()),
});

export type ReportData = z.infer<typeof reportData>;
export type ReportMetrics = NonNullable<ReportData['metrics']>;
export type ReportMap = NonNullable<ReportData['map']>;
export type ReportChart = z.infer<typeof chart>;
export type ReportTable = ReportData['tables'][number];
export type Cell = z.infer<typeof cell>;
