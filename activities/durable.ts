import {
  ApplicationFailure,
  activityInfo,
  CancelledFailure,
  cancellationSignal,
  heartbeat,
} from '@temporalio/activity';
import type { Logger } from 'pino';
import { codeOf, ERRORS, GeorefreshError } from '../config/errors.js';
import { batchFields } from '../config/logging.js';
import { inEpoch } from '../lake/epoch.js';
import { doubt } from '../lake/known.js';
import { batchIdOf, type Deps } from './deps.js';
import { type Made, reusing } from './reuse.js';
import type { RunHeader, StepInput, StepResult } from './types.js';

export type { Made } from './reuse.js';

/** The answer to a heartbeat brings a cancellation: what it takes to let go comes on top. */
const HEARTBEAT_EVERY = 500;

/** How far a step is, as the client shows it; `total` is 0 where it is not known. */
export interface StepProgress {
  done: number;
  total: number;
  unit: string;
}

/** What a step may use of the engine, without knowing it. */
export interface StepContext {
  /** Aborted when the run is cancelled, the worker shuts down, or the attempt is given up. */
  signal: AbortSignal;
  progress(progress: StepProgress): void;
}

/**
 * Makes an activity of a function: heartbeats while it works, passes cancellation on, and turns what it throws into a
 * failure that carries the code of the error registry, so that the engine retries what may pass and nothing else.
 */
export function activity<I, R>(
  log: Logger,
  work: (input: I, context: StepContext) => Promise<R>,
): (input: I) => Promise<R> {
  return async (input) => {
    const { activityId, attempt, workflowExecution } = activityInfo();
    const signal = cancellationSignal();
    let latest: StepProgress | undefined;
    const beat = setInterval(() => heartbeat(latest), HEARTBEAT_EVERY);
    heartbeat();
    const started = performance.now();
    const about = {
      ...batchOf(input),
      step: activityId,
      attempt,
      workflow: workflowExecution?.workflowId,
      run: workflowExecution?.runId,
    };
    log.info({ ...about, event: 'step_started' });
    try {
      const context: StepContext = {
        signal,
        progress: (progress) => {
          latest = progress;
        },
      };
      const result = await inEpoch(epochOf(input), () => work(input, context));
      // What is done is done, also where a cancellation came too late: a snapshot that was published stays so.
      const seconds = (performance.now() - started) / 1000;
      log.info({ ...about, event: 'step_completed', ...recordsOf(result), duration_seconds: seconds });
      return result;
    } catch (error) {
      if (signal.aborted) {
        log.info({ ...about, event: 'step_cancelled' });
        throw signal.reason instanceof CancelledFailure ? signal.reason : new CancelledFailure('cancelled');
      }
      log.warn({ ...about, event: 'step_failed', code: codeOf(error), err: error });
      throw failure(error);
    } finally {
      clearInterval(beat);
    }
  };
}

/** An activity for a step of a plan: the durable step. What was made before of the same ingredients is not made again. */
export const step = <I extends StepInput>(
  deps: Deps,
  work: (input: I, context: StepContext) => Promise<Made>,
): ((input: I) => Promise<StepResult>) => reading(deps, (input: I, context) => perform(deps, input, context, work));

/** The result of a step, kept or made now by `work`, with when and how long that was. */
export async function perform<I extends StepInput>(
  deps: Deps,
  input: I,
  context: StepContext,
  work: (input: I, context: StepContext) => Promise<Made>,
): Promise<StepResult> {
  const began = Date.now();
  const started = performance.now();
  return reusing(deps, input, context.signal, async (given) => ({
    ...(await work(given, context)),
    began,
    ended: Date.now(),
    seconds: (performance.now() - started) / 1000,
    attempt: activityInfo().attempt,
  }));
}

/**
 * An activity that reads objects of the lake. One that turns out damaged is looked at anew before anybody reuses it, here
 * and, as the run hands on what it doubts, on every other worker.
 */
export const reading = <I, R>(
  { lake, log }: Pick<Deps, 'lake' | 'log'>,
  work: (input: I, context: StepContext) => Promise<R>,
): ((input: I) => Promise<R>) =>
  activity(log, async (input, context) => {
    for (const key of headerOf(input)?.doubted ?? []) doubt(lake.store, key);
    try {
      return await work(input, context);
    } catch (error) {
      if (error instanceof GeorefreshError && error.code === 'GR-4005')
        for (const { file } of error.where) if (file !== undefined) doubt(lake.store, file);
      throw error;
    }
  });

/** Whatever a step does for its run, it does in the run's epoch of the lake. */
const epochOf = (input: unknown): number => headerOf(input)?.epoch ?? 0;

const headerOf = (input: unknown): Partial<RunHeader> | undefined =>
  (input as { header?: Partial<RunHeader> } | undefined)?.header;

/** The batch that an activity works at, for those of a run. */
function batchOf(input: unknown): object {
  const given = input as (Partial<RunHeader> & { header?: RunHeader }) | undefined;
  const { logicalTime } = given?.header ?? given ?? {};
  return logicalTime === undefined ? {} : batchFields(batchIdOf({ logicalTime }));
}

/** How many records went in and came out, of what counts them; a division of a step may bring its result. */
function recordsOf(result: unknown): object {
  const given = (result ?? {}) as Partial<StepResult> & { kept?: Partial<StepResult> };
  const { rowsIn, rowsOut } = given.kept ?? given;
  return typeof rowsIn === 'number' && typeof rowsOut === 'number' ? { records_in: rowsIn, records_out: rowsOut } : {};
}

function failure(error: unknown): ApplicationFailure {
  const code = codeOf(error);
  const { title, remedy, retryable } = ERRORS[code];
  const where = error instanceof GeorefreshError ? error.where : [];
  return ApplicationFailure.create({
    type: code,
    message:
      error instanceof GeorefreshError
        ? error.message
        : `${title}: ${error instanceof Error ? error.message : String(error)}`,
    nonRetryable: !retryable,
    details: [{ where, remedy }],
    ...(error instanceof Error && { cause: error }),
  });
}
