import { z } from 'zod';
import { duration } from '../units.js';
import { expression, identifier } from './common.js';

const TYPES = ['text', 'integer', 'double', 'boolean', 'timestamp', 'date'] as const;

/** `error` puts a row aside; `warn` counts it and lets it pass. */
const severity = z.enum(['error', 'warn']);

const scalars = z
  .array(z.union([z.string(), z.number()]))
  .min(1)
  .optional();

/** Keys of a column that only some types have. */
const OF_TYPES: Record<string, readonly (typeof TYPES)[number][]> = {
  pad: ['text'],
  pattern: ['text'],
  decimal: ['integer', 'double'],
  min: ['integer', 'double'],
  max: ['integer', 'double'],
  notBefore: ['timestamp', 'date'],
  notAfter: ['timestamp', 'date'],
  formats: ['timestamp', 'date'],
  zone: ['timestamp'],
  repeated: ['timestamp'],
  shift: ['timestamp'],
};

/** How far local stamps are moved before they are read in their zone: `-1h` for stamps that name the end of an hour. */
const shift = z.templateLiteral([z.enum(['', '-']), z.string()]).superRefine((text, context) => {
  const parsed = duration.safeParse(text.replace(/^-/, ''));
  if (!parsed.success) context.addIssue({ code: 'custom', message: 'expected a duration such as 1h or -30m' });
});

const time = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$/,
    'expected a time such as 2024-02-29 or 2024-02-29 10:00',
  )
  .optional();

const knowsZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
};

/** What a column of a source must be; a row that is not goes to quarantine under the rule `<column>.<check>`. */
export const contractColumn = z
  .strictObject({
    from: z
      .string()
      .min(1)
      .optional()
      .describe(
        "the column's name in the file, or $file or $name: the path or the bare name of the file itself; default: the same name",
      ),
    type: z.enum(TYPES).describe('a cell that is not of it breaks the contract'),
    required: z.boolean().default(false).describe('an empty cell breaks the contract'),
    trim: z.boolean().default(false).describe('blanks round a cell are dropped before anything else'),
    nulls: z.array(z.string()).optional().describe("cells of this column that mean missing; default: the source's"),
    decimal: z.enum(['.', ',']).optional().describe("numbers: the decimal mark; default: the source's"),
    formats: z
      .array(z.string().min(2))
      .min(1)
      .optional()
      .describe('times: how they are written, such as %d.%m.%Y %H:%M, the first that fits counts; default: ISO 8601'),
    zone: z
      .string()
      .refine(knowsZone, 'expected a time zone such as Europe/Oslo')
      .optional()
      .describe(
        'timestamp: cells are local time of this zone, and become UTC; an hour that the clock left out breaks the contract',
      ),
    repeated: z
      .enum(['reject', 'earlier', 'later', 'in order'])
      .default('reject')
      .describe(
        'timestamp with a zone: which one a local time is that the clock showed twice; in order: the first row with it is the earlier',
      ),
    shift: shift.optional().describe('timestamp: moved so far before the zone is applied, such as -1h'),
    pad: z.int().min(1).max(64).optional().describe('text: lost leading zeros are put back up to this length'),
    min: z.number().optional().describe('least value, itself allowed'),
    max: z.number().optional().describe('greatest value, itself allowed'),
    notBefore: time.describe('times: the earliest, itself allowed, such as 2024-02-29 or 2024-02-29 10:00'),
    notAfter: time.describe('times: the latest, itself allowed'),
    allowed: scalars.describe('the only values there may be'),
    forbidden: scalars.describe('values that there may not be'),
    pattern: z.string().optional().describe('text: a regular expression (RE2) that the whole cell must match'),
    unique: z.boolean().default(false).describe('the first row with a value stays, later ones are quarantined'),
    map: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .optional()
      .describe('cell → value, before the type; a cell that is no key breaks the contract'),
    personal: z.boolean().default(false).describe('never shown in logs, errors or names'),
  })
  .superRefine((column, context) => {
    const fault = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    for (const [key, types] of Object.entries(OF_TYPES)) {
      const given = (column as Record<string, unknown>)[key];
      if (given === undefined || (key === 'repeated' && given === 'reject')) continue;
      if (!types.includes(column.type)) fault(key, `${key} is for columns of type ${types.join(' or ')}`);
    }
    if (column.repeated !== 'reject' && column.zone === undefined)
      fault('repeated', 'repeated is for columns with a zone');
    if (column.min !== undefined && column.max !== undefined && column.min > column.max)
      fault('min', 'min is above max');
  });
export type ContractColumn = z.infer<typeof contractColumn>;

const rule = z.strictObject({
  check: expression.describe('SQL over the columns of a row that must hold; a row for which it is missing passes'),
  severity: severity.default('error').describe('error: the row is quarantined; warn: it is counted'),
  reason: z.string().max(200).optional().describe('what is wrong with a row that breaks it, in words'),
});
export type ContractRule = z.infer<typeof rule>;

const reference = z.strictObject({
  columns: z.array(identifier).min(1).describe('columns of this source'),
  source: identifier.describe('another source'),
  to: z.array(identifier).min(1).describe('its columns, among whose good rows the values must be found'),
  severity: severity.default('error').describe('error: the row is quarantined; warn: it is counted'),
});

const across = z.strictObject({
  uses: z.array(identifier).min(1).describe('other sources, whose good rows the SQL may read by their names'),
  broken: expression.describe('a SELECT of `_row` from `self` and the others: the rows that break the rule'),
  severity: severity.default('error').describe('error: the rows are quarantined; warn: they are counted'),
  reason: z.string().max(200).optional().describe('what is wrong with such a row, in words'),
});

const anomaly = z
  .strictObject({
    column: identifier.describe('column that is looked at'),
    method: z
      .enum(['mad', 'iqr', 'rare'])
      .describe(
        'mad: far from the median, in median absolute deviations; iqr: far outside the quartiles; rare: a value that few rows have',
      ),
    threshold: z
      .number()
      .positive()
      .optional()
      .describe(
        'mad: so many scaled deviations, default 6; iqr: so many ranges between the quartiles, default 3; rare: least share of rows, default 0.001',
      ),
    by: z.array(identifier).default([]).describe('within groups of equal values of these columns'),
    severity: severity.default('warn').describe('error: the row is quarantined; warn: it is counted'),
  })
  .refine(
    ({ method, threshold = 0 }) => method !== 'rare' || threshold < 1,
    'the threshold of rare is a share below 1',
  );
export type Anomaly = z.infer<typeof anomaly>;

const uniqueKey = z
  .union([
    z.array(identifier).min(1),
    z.strictObject({
      columns: z.array(identifier).min(1).describe('columns that together are unique'),
      keep: z
        .enum(['first', 'last'])
        .default('first')
        .describe('which of the rows with equal values stays; last: a later row corrects an earlier one'),
    }),
  ])
  .transform((key) => (Array.isArray(key) ? { columns: key, keep: 'first' as const } : key));
export type UniqueKey = z.infer<typeof uniqueKey>;

/** What holds of a source beside its columns: rules of rows, of several tables, and of the whole. */
export const contractParts = {
  rules: z.record(identifier, rule).default({}).describe('rules of a row, by name'),
  keys: z
    .record(identifier, uniqueKey)
    .default({})
    .describe(
      'columns that together are unique, by name of the rule: a list, or keys; the first row with their values stays',
    ),
  references: z
    .record(identifier, reference)
    .default({})
    .describe('values that must be found in another source, by name of the rule'),
  across: z.record(identifier, across).default({}).describe('rules over several sources, by name'),
  anomalies: z
    .record(identifier, anomaly)
    .default({})
    .describe('values that are unlike the others, by name of the rule'),
  freshness: z
    .strictObject({
      column: identifier.describe('a column of type timestamp or date'),
      within: duration.describe("its newest value is at most so much older than the run's logical time"),
      severity: severity.default('error').describe('error: the source is refused; warn: it is told'),
    })
    .optional()
    .describe('how old the source may be'),
  volume: z
    .strictObject({
      runs: z
        .int()
        .min(1)
        .max(20)
        .default(5)
        .describe('so many past published runs are looked at; their median counts'),
      least: z.number().min(0).max(1).default(0.5).describe('least rows, as a share of past ones'),
      most: z.number().min(1).default(2).describe('most rows, as a multiple of past ones'),
      severity: severity.default('error').describe('error: the source is refused; warn: it is told'),
    })
    .optional()
    .describe('how far the number of rows may jump against past runs'),
};

/** Sources whose good rows must be there before a source can be judged. */
export const judgedAgainst = (contract: {
  references: Record<string, { source: string }>;
  across: Record<string, { uses: string[] }>;
}): string[] => [
  ...new Set([
    ...Object.values(contract.references).map(({ source }) => source),
    ...Object.values(contract.across).flatMap(({ uses }) => uses),
  ]),
];
