import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { ResolveInput, RunHeader } from '../activities/types.js';
import { ERRORS } from '../config/errors.js';
import type { PipelineInput, RefreshInput, RunInput, SignalPacing } from './messages.js';

/** Set by the engine on every workflow that a schedule starts. */
const SCHEDULED_START = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

const PACING: SignalPacing = { quiet: 30_000, longestWait: 600_000, idle: 600_000 };

/** What a run is, of the request for it and of what the engine recorded; a fault of the request fails the workflow. */
export function begin(request: RefreshInput): RunInput {
  const { runId, startTime, typedSearchAttributes } = workflowInfo();
  const nameless = withoutPipeline(request);
  if (nameless !== undefined) throw ApplicationFailure.nonRetryable(nameless, 'GR-4001');
  const fault = faultOf(request);
  if (fault !== undefined) throw ApplicationFailure.nonRetryable(`${ERRORS['GR-1001'].title}: ${fault}`, 'GR-1001');
  const scheduled = typedSearchAttributes.get(SCHEDULED_START);
  const logicalTime = request.logicalTime ?? (scheduled ?? startTime).toISOString();
  return {
    request,
    run: runId,
    logicalTime: new Date(logicalTime).toISOString(),
    startedAt: startTime.toISOString(),
    trigger: request.trigger ?? (scheduled ? 'schedule' : 'operator'),
  };
}

/** What is wrong with an input that names no pipeline; undefined where it names one. */
const withoutPipeline = (input: { pipeline?: unknown } | undefined): string | undefined =>
  typeof input?.pipeline === 'string' && /^[a-z][a-z0-9-]{0,40}$/.test(input.pipeline)
    ? undefined
    : 'no such pipeline: expected {"pipeline":"<name>"} as the input';

/** What is wrong with a request that somebody typed: the engine's own page takes any JSON. */
function faultOf({ logicalTime, waitAtMost, only, overrides, inputs }: RefreshInput): string | undefined {
  if (logicalTime !== undefined && (typeof logicalTime !== 'string' || Number.isNaN(Date.parse(logicalTime))))
    return `logicalTime ${String(logicalTime)} is not a time`;
  // Neither text nor NaN would ever be exceeded.
  if (waitAtMost !== undefined && !(typeof waitAtMost === 'number' && waitAtMost >= 0))
    return `waitAtMost ${String(waitAtMost)} is not a number of milliseconds`;
  if (only !== undefined && !Array.isArray(only)) return 'only is not a list of stages';
  if (overrides !== undefined && (typeof overrides !== 'object' || overrides === null || Array.isArray(overrides)))
    return 'overrides is not a mapping of parameters to values';
  if (inputs !== undefined && typeof inputs !== 'string') return 'inputs is not a folder';
  return undefined;
}

/** What every step is told of its run. */
export const headerOf = ({ request, run, logicalTime, startedAt, trigger }: RunInput): RunHeader => ({
  pipeline: request.pipeline,
  run,
  logicalTime,
  startedAt,
  trigger,
  force: request.force ?? false,
});

/** What of a request decides the plan. */
export const chosen = ({ only, overrides, inputs }: RefreshInput): Partial<ResolveInput> => ({
  ...(only && { only }),
  ...(overrides && { overrides }),
  ...(inputs !== undefined && { inputs }),
});

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
