import { z } from 'zod';
import { duration } from '../units.js';
import { parseCron } from './cron.js';

const cron = z.string().superRefine((text, context) => {
  const parsed = parseCron(text);
  if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
});

const isTimezone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
};

/** When the engine starts a refresh by itself. */
export const schedule = z.strictObject({
  cron: cron.describe('minute hour day-of-month month day-of-week: `0 2 * * 0` is Sunday 02:00'),
  timezone: z
    .string()
    .refine(isTimezone, 'expected a time zone such as UTC or Europe/Oslo')
    .default('UTC')
    .describe('of the cron expression; clocks change there as they do'),
  jitter: duration.optional().describe('each start is later by a random time up to this'),
  paused: z.boolean().optional().describe('whether `schedule apply` pauses it; absent: it stays as it is'),
});
export type Schedule = z.infer<typeof schedule>;

/** How signals of new data become refreshes. A whole directory that is dropped is one refresh, not one a file. */
export const signals = z
  .strictObject({
    quiet: duration.prefault('30s').describe('a refresh starts when no signal came for so long'),
    longestWait: duration.prefault('10m').describe('or when the first one has waited for so long'),
    idle: duration
      .prefault('10m')
      .describe('what waits for signals ends after so long without any; the next one starts it again'),
  })
  .refine(({ quiet, longestWait }) => quiet <= longestWait, {
    message: 'expected at least as much as `quiet`',
    path: ['longestWait'],
  });
export type Signals = z.infer<typeof signals>;

const USUAL: Signals = signals.parse({});

/** How signals of a pipeline become refreshes, as it says or as is usual. */
export const signalsOf = ({ signals: own = USUAL }: { signals?: Signals | undefined }): Signals => own;
