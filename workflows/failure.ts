import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { ERRORS, isErrorCode } from '../config/errors.js';

export interface Failure {
  /** A code of the error registry. */
  type: string;
  message: string;
  details: unknown[];
}

/** What went wrong, without the engine's wrapping: the code, message and details of the innermost typed failure. */
export function failureOf(error: unknown): Failure {
  if (isCancellation(error)) return { type: 'GR-3006', message: ERRORS['GR-3006'].title, details: [] };
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) {
    if (error.cause instanceof TimeoutFailure) {
      const step = error instanceof ActivityFailure ? (error.activityId ?? error.activityType) : 'the run';
      return {
        type: 'GR-3001',
        message: `${ERRORS['GR-3001'].title}: ${step} timed out (${error.cause.timeoutType})`,
        details: [],
      };
    }
    return failureOf(error.cause);
  }
  if (error instanceof ApplicationFailure)
    return {
      type: isErrorCode(error.type) ? error.type : 'GR-3001',
      message: error.message,
      details: error.details ?? [],
    };
  return { type: 'GR-3001', message: error instanceof Error ? error.message : 'unknown failure', details: [] };
}

/** What a workflow ends with: a cancellation as it is, all else as its innermost typed failure, which is not tried again. */
export function rethrow(error: unknown): never {
  if (isCancellation(error)) throw error;
  throw ApplicationFailure.create({ ...failureOf(error), nonRetryable: true });
}

/** The files or objects that a failure is about. */
export const filesOf = ({ details }: Pick<Failure, 'details'>): string[] =>
  details.flatMap((detail) =>
    ((detail as { where?: { file?: unknown }[] } | undefined)?.where ?? []).flatMap(({ file }) =>
      typeof file === 'string' ? [file] : [],
    ),
  );
