import type { S3ServiceException } from '@aws-sdk/client-s3';
import type { ErrorCode } from '../config/errors.js';
import type { Judgement } from './bucket.js';
import { judgeConnection, judgeStatus } from './network-faults.js';

/** Words of the service that mean more than their status. */
const WORDS: Record<string, ErrorCode> = {
  NoSuchBucket: 'GR-5007',
  PermanentRedirect: 'GR-5007',
  AuthorizationHeaderMalformed: 'GR-5007',
  InvalidBucketName: 'GR-5007',
  InvalidAccessKeyId: 'GR-5008',
  SignatureDoesNotMatch: 'GR-5008',
  ExpiredToken: 'GR-5008',
  InvalidToken: 'GR-5008',
  CredentialsProviderError: 'GR-5008',
  TokenProviderError: 'GR-5008',
  NotImplemented: 'GR-5009',
  QuotaExceeded: 'GR-5003',
  InsufficientStorage: 'GR-5003',
  XMinioStorageFull: 'GR-5003',
};

/** Words whose requests fare better in a moment, whatever their status. The client sets its clock by the first. */
const PASSING = new Set(['RequestTimeTooSkewed', 'RequestTimeout', 'SlowDown', 'ConditionalRequestConflict']);

/** What the errors of one S3 client mean. */
export class S3Faults {
  /** When the client last found its clock wrong, by a count that no clock moves: requests before that were of a wrong time. */
  #clockSetAt = Number.NEGATIVE_INFINITY;
  readonly #longestMs: number;

  /** A request that was sent before the clock was set is answered so many milliseconds later at most. */
  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  judge(error: unknown): Judgement {
    const name = error instanceof Error ? error.name : '';
    const status = statusOf(error);
    const text = `${status ?? ''} ${name}${requestOf(error)}`.trim();
    if (metadataOf(error).clockSkewCorrected === true) this.#clockSetAt = performance.now();
    const word = WORDS[name];
    if (word !== undefined) return { code: word, text, again: false, unsure: false };
    if (PASSING.has(name)) return { code: 'GR-5002', text, again: true, unsure: status !== undefined && status >= 500 };
    const connection = judgeConnection(error);
    if (connection !== undefined) return connection;
    // An answer without a body cannot say that the time of a request was refused; the client sets its clock by its date.
    if (status === 403 && performance.now() - this.#clockSetAt < this.#longestMs)
      return { code: 'GR-5002', text: `${text}, the clock here is wrong`, again: true, unsure: false };
    // A success whose body cannot be read was cut on its way.
    if (status === undefined || status < 300) return { code: 'GR-5002', text, again: true, unsure: true };
    return judgeStatus(status, text);
  }
}

const metadataOf = (error: unknown): Partial<S3ServiceException['$metadata']> & { clockSkewCorrected?: boolean } =>
  error instanceof Error && '$metadata' in error ? ((error as S3ServiceException).$metadata ?? {}) : {};

/** The status of the answer that an error stands for, if there was one. */
export const statusOf = (error: unknown): number | undefined => metadataOf(error).httpStatusCode;

const requestOf = (error: unknown): string => {
  const { requestId } = metadataOf(error);
  return requestId === undefined ? '' : `, request ${requestId}`;
};
