import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  ServiceError,
  TerminatedFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ERRORS, type ErrorCode, GeorefreshError, isErrorCode, type Where } from '../config/errors.js';

interface Details {
  where?: Where[];
  remedy?: string;
}

/** What ended a workflow, as an error of the registry: the engine's wrapping is taken off. */
export function failureOf(error: unknown): unknown {
  if (error instanceof WorkflowFailedError || error instanceof ChildWorkflowFailure) return failureOf(error.cause);
  if (error instanceof CancelledFailure)
    return new GeorefreshError('GR-3006', 'nothing was published', { cause: error });
  if (error instanceof TerminatedFailure)
    return new GeorefreshError('GR-3006', 'someone terminated it', { cause: error });
  if (error instanceof ApplicationFailure) {
    const code: ErrorCode = isErrorCode(error.type) ? error.type : 'GR-3001';
    const details = error.details?.[0] as Details | undefined;
    return new GeorefreshError(code, withoutTitle(code, error.message), { where: details?.where ?? [], cause: error });
  }
  if (error instanceof WorkflowNotFoundError)
    return new GeorefreshError('GR-4002', `${error.runId ?? error.workflowId} has ended, or never was`, {
      cause: error,
    });
  if (error instanceof ServiceError) return new GeorefreshError('GR-5001', error.message, { cause: error });
  return error;
}

const withoutTitle = (code: ErrorCode, message: string): string => {
  const prefix = `${ERRORS[code].title}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
};
