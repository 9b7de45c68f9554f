import { ApplicationFailure } from '@temporalio/workflow';
import { ERRORS } from '../config/errors.js';
import type { PipelineInput, SignalPacing } from './messages.js';

const PACING: SignalPacing = { quiet: 30_000, longestWait: 600_000, idle: 600_000 };

/** What is wrong with an input that names no pipeline; undefined where it names one. */
export const withoutPipeline = (input: { pipeline?: unknown } | undefined): string | undefined =>
  typeof input?.pipeline === 'string' && /^[a-z][a-z0-9-]{0,40}$/.test(input.pipeline)
    ? undefined
    : 'no such pipeline: expected {"pipeline":"<name>"} as the input';

/** Anything may be typed into the engine's own page; milliseconds that are none would never be waited for, or for ever. */
export function pacingOf(input: PipelineInput): SignalPacing {
  const fault = withoutPipeline(input);
  if (fault !== undefined) throw ApplicationFailure.nonRetryable(fault, 'GR-4001');
  const pacing = { quiet: input.quiet, longestWait: input.longestWait, idle: input.idle };
  const found = { ...PACING, ...Object.fromEntries(Object.entries(pacing).filter(([, value]) => value !== undefined)) };
  for (const [name, value] of Object.entries(found))
    if (!(typeof value === 'number' && value >= 0))
      throw ApplicationFailure.nonRetryable(
        `${ERRORS['GR-1001'].title}: ${name} ${String(value)} is not a number of milliseconds`,
        'GR-1001',
      );
  return found;
}
