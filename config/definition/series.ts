import { z } from 'zod';
import { duration } from '../units.js';
import { identifier } from './common.js';

const by = z.array(identifier).default([]).describe('columns whose equal values make a series; none: the table is one');

const every = duration.refine((ms) => ms > 0, 'expected more than nothing');

/** Amounts of intervals on a regular grid of buckets: the grid becomes the working table. */
export const resample = z.strictObject({
  by,
  from: identifier.describe('timestamp column: where an interval begins'),
  to: identifier.describe('timestamp column: where it ends, itself left out'),
  every: every.describe('length of a bucket, such as 1h; buckets are counted from midnight UTC on 1 January 1970'),
  time: identifier.describe('column that takes the beginning of the bucket'),
  spread: z
    .record(identifier, identifier)
    .refine((columns) => Object.keys(columns).length > 0, 'expected at least one column')
    .describe(
      'new column: column with an amount, spread evenly over its interval; the grid runs from the first bucket with some of it to the last',
    ),
  begin: z
    .record(identifier, identifier)
    .default({})
    .describe('new column: timestamp column; how many of these lie in the bucket'),
  active: identifier.optional().describe('column that takes how many intervals meet the bucket'),
});

/** `lag(column, steps)`, `diff(column, steps, steps)`, `mean(column, steps)` and others of a window, `quantile(column, steps, share)`, `expanding_mean(column, key, …)`. */
export const MOVING = ['mean', 'sum', 'std', 'min', 'max', 'count'] as const;
export type MovingOp = (typeof MOVING)[number];

export type Moving =
  | { op: 'lag'; column: string; steps: number }
  | { op: 'diff'; column: string; steps: number; other: number }
  | { op: MovingOp; column: string; steps: number }
  | { op: 'quantile'; column: string; steps: number; share: number }
  | { op: 'expanding_mean'; column: string; keys: string[] };

const SHAPES = [
  'lag(column, steps)',
  'diff(column, steps, steps)',
  `${MOVING.join(', ')} of (column, steps)`,
  'quantile(column, steps, share)',
  'expanding_mean(column, key, …)',
];

const LONGEST = 1_000_000;

function parseMoving(text: string): Moving | undefined {
  const match = /^([a-z_]+)\(\s*([A-Za-z][A-Za-z0-9_]*)\s*((?:,\s*[A-Za-z0-9_.-]+\s*)*)\)$/.exec(text.trim());
  if (match === null) return undefined;
  const [, op = '', column = ''] = match;
  const rest = (match[3] ?? '')
    .split(',')
    .slice(1)
    .map((one) => one.trim());
  if (op === 'expanding_mean')
    return rest.every((key) => /^[A-Za-z]/.test(key)) ? { op, column, keys: rest } : undefined;
  const [first = Number.NaN, second = Number.NaN, third] = rest.map(Number);
  if (third !== undefined || !isSteps(first, op === 'lag' || op === 'diff' ? 0 : 1)) return undefined;
  if (op === 'diff') return isSteps(second, 0) ? { op, column, steps: first, other: second } : undefined;
  if (op === 'quantile') return second >= 0 && second <= 1 ? { op, column, steps: first, share: second } : undefined;
  if (rest.length !== 1) return undefined;
  if (op === 'lag') return { op, column, steps: first };
  const moving = MOVING.find((name) => name === op);
  return moving && { op: moving, column, steps: first };
}

const isSteps = (value: number, least: number): boolean =>
  Number.isInteger(value) && value >= least && value <= LONGEST;

const moving = z.string().transform((text, context): Moving => {
  const parsed = parseMoving(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: `expected one of ${SHAPES.join('; ')}` });
  return z.NEVER;
});

/** Columns made of earlier rows of the same series. */
export const window = z.strictObject({
  by,
  time: identifier.describe('timestamp column that orders the rows of a series; no two of them share a step'),
  every: every
    .optional()
    .describe(
      'time between two steps, such as 1h: a step without a row or without a value is unobserved; default: each row is a step',
    ),
  offset: z
    .int()
    .min(1)
    .default(1)
    .describe('windows end so many steps before the row: what is not known yet cannot be asked for'),
  least: z
    .int()
    .min(1)
    .optional()
    .describe('a window with fewer observed values gives none; default: all of its steps are observed'),
  add: z.record(identifier, moving).describe(`new column: ${SHAPES.join('; ')}`),
});

/** Parts of a time that are numbers, with the period of their waves. */
export const PERIODS = {
  minute: 60,
  hour: 24,
  weekday: 7,
  day: 31,
  month: 12,
  yearday: 365.25,
} as const;
export type CalendarPart = keyof typeof PERIODS | 'year' | 'weekend' | 'holiday';

const PARTS = [...(Object.keys(PERIODS) as (keyof typeof PERIODS)[]), 'year', 'weekend', 'holiday'] as const;

const calendarField = z.string().transform((text, context): { part: CalendarPart; wave?: 'sin' | 'cos' } => {
  const match = /^(?:(sin|cos)\((\w+)\)|(\w+))$/.exec(text.trim());
  const part = PARTS.find((name) => name === (match?.[2] ?? match?.[3]));
  const wave = match?.[1] as 'sin' | 'cos' | undefined;
  if (part !== undefined && (wave === undefined || part in PERIODS))
    return { part, ...(wave !== undefined && { wave }) };
  const waves = Object.keys(PERIODS).join(', ');
  context.addIssue({
    code: 'custom',
    message: `expected one of ${PARTS.join(', ')}, or sin or cos of ${waves}, such as sin(hour)`,
  });
  return z.NEVER;
});

const knowsZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
};

/** What the clock and the calendar of a place say of a time. */
export const calendar = z
  .strictObject({
    time: identifier.describe('timestamp column, UTC'),
    zone: z
      .string()
      .refine(knowsZone, 'expected a time zone such as Europe/Oslo')
      .default('UTC')
      .describe('the zone whose clock and calendar count'),
    holidays: z
      .string()
      .regex(/^[A-Z]{2}(-[A-Z0-9]{1,3}){0,2}$/, 'expected a country such as NO, or a part of one such as US-CA')
      .optional()
      .describe('whose public holidays count: a country, or a part of one such as US-CA'),
    add: z
      .record(identifier, calendarField)
      .describe(
        'new column: minute, hour, weekday (Monday 0), day, month, yearday, year, weekend, holiday, or sin or cos of one',
      ),
  })
  .refine(({ holidays, add }) => holidays !== undefined || Object.values(add).every(({ part }) => part !== 'holiday'), {
    path: ['holidays'],
    message: 'holiday needs `holidays`, the country',
  });

/** Wide to long: a row for each of the columns, and the working table becomes these. */
export const unpivot = z.strictObject({
  keep: z.array(identifier).min(1).describe('columns that each of the rows has'),
  columns: z.string().min(1).optional().describe('which others, by a regular expression (RE2); default: all of them'),
  name: identifier.describe('column that takes the name of the column'),
  value: identifier.describe('column that takes the value; where it is missing there is no row'),
});
