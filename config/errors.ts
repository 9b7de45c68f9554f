/**
 * Every failure that people or programs are told of, once. The code is the same in the command line, the Temporal
 * failure type, the log, the HTTP problem type and the page docs/reference/errors.md (generated from here).
 *
 * Exit codes: 1 the run failed, a retry may help; 2 usage or configuration; 3 the data broke its contract;
 * 5 engine or store unreachable; 6 not found; 7 refused; 130 cancelled.
 */
export interface ErrorEntry {
  /** What is wrong, in one line, without particulars. */
  title: string;
  /** What to do about it. */
  remedy: string;
  /** Whether the engine tries the step again. */
  retryable: boolean;
  exit: 1 | 2 | 3 | 5 | 6 | 7 | 130;
}

const entry = (exit: ErrorEntry['exit'], title: string, remedy: string, retryable = false): ErrorEntry => ({
  title,
  remedy,
  retryable,
  exit,
});

export const ERRORS = {
  'GR-1001': entry(2, 'the command line is wrong', 'see georefresh --help'),
  'GR-1002': entry(2, 'settings or environment are wrong', 'mend the lines named, then run it again'),
  'GR-1003': entry(2, 'a pipeline definition is wrong', 'mend the lines named, then run georefresh doctor'),
  'GR-1004': entry(
    2,
    'an override names no parameter of the pipeline, or has the wrong type',
    'see parameters: in the pipeline.yaml',
  ),
  'GR-1005': entry(2, 'a stage is not known', 'stages are ingest, validate, features, train, score, publish'),
  'GR-1006': entry(2, 'a contract is wrong', 'mend the lines named; docs/how-to/write-a-contract.md shows one'),
  'GR-1007': entry(2, 'a query cannot be run as it is written', 'mend the SQL at the place named'),
  'GR-2001': entry(3, 'source files are missing', 'put each file where the message says, or pass --inputs DIR'),
  'GR-2002': entry(
    3,
    'a source file cannot be read',
    'check the file named: it is empty, damaged or not of the declared format',
  ),
  'GR-2003': entry(3, 'a source file lacks declared columns', 'mend the file, or its columns: in the pipeline.yaml'),
  'GR-2004': entry(3, 'a source file has no rows', 'put the whole file in its place'),
  'GR-2005': entry(
    1,
    'a source changed while it was read',
    'it is read again; write files elsewhere and move them into place',
    true,
  ),
  'GR-2006': entry(
    3,
    'a path leaves the inputs folder',
    'name files under the inputs folder, without links that lead out of it',
  ),
  'GR-2007': entry(
    3,
    'a source is larger than it may be',
    'put a smaller file in its place, or raise maxBytes of the source',
  ),
  'GR-2008': entry(1, 'a source cannot be fetched', 'it is tried again; check the address and its server', true),
  'GR-2104': entry(
    3,
    'a source breaks its contract',
    'see all rows with georefresh validate; mend them, or raise maxQuarantinedShare of the source',
  ),
  'GR-2105': entry(3, 'a join key is not unique', 'make the key unique in the source named, or aggregate it first'),
  'GR-2106': entry(3, 'a column holds what cannot be kept exactly', 'cast or mend the column named'),
  'GR-2107': entry(
    3,
    'a source is older than its contract allows',
    'bring newer data, or change freshness: of the source',
  ),
  'GR-2108': entry(
    3,
    'a source has far more or far fewer rows than before',
    'check whether it is whole; change volume: of the source if the jump is meant',
  ),
  'GR-3001': entry(
    1,
    'a step failed for a reason of its own',
    'read the cause; run it again, and report it if it comes back',
    true,
  ),
  'GR-3002': entry(3, 'a model cannot be trained on these rows', 'see the reason; check the target and the features'),
  'GR-3003': entry(
    1,
    'the exported model does not give the native predictions',
    'nothing was published; report it with the model card',
  ),
  'GR-3004': entry(1, 'a kernel thread died', 'it is tried again; if it comes back, give the worker more memory', true),
  'GR-3005': entry(1, 'a refresh of this pipeline is already running', 'wait for it, cancel it, or raise waitAtMost'),
  'GR-3006': entry(130, 'the run was cancelled', 'start it again when wanted: georefresh refresh'),
  'GR-3007': entry(
    1,
    'a table is larger than a step may hold in memory',
    'partition it, or raise compute.memory in settings.yaml',
  ),
  'GR-3008': entry(3, 'a model and the features given to it do not match', 'train again: georefresh refresh --force'),
  'GR-3009': entry(
    1,
    'a step or kernel was given what does not fit together',
    'nothing was changed; report it with the run',
  ),
  'GR-3010': entry(
    2,
    'an SQL step cannot be run as it is written',
    'mend the expression or .sql file of the step named',
  ),
  'GR-4001': entry(6, 'no such pipeline', 'georefresh status lists them'),
  'GR-4002': entry(6, 'no such run', 'georefresh runs lists them'),
  'GR-4003': entry(6, 'nothing was published yet', 'georefresh refresh'),
  'GR-4004': entry(6, 'an object is not in the store', 'georefresh refresh --force makes it again'),
  'GR-4005': entry(
    1,
    'an object does not have the digest it was written with',
    'georefresh refresh makes it again, where it is still derived from the sources',
  ),
  'GR-4006': entry(1, 'a state file is damaged', 'the last whole state is used; georefresh doctor --lake says more'),
  'GR-4007': entry(6, 'no such error code', 'docs/reference/errors.md lists them'),
  'GR-4008': entry(6, 'no such schedule', 'georefresh schedule list shows them; georefresh schedule apply makes them'),
  'GR-4009': entry(6, 'no such generation to go back to', 'georefresh runs --outcome published lists them'),
  'GR-4010': entry(6, 'no such snapshot', 'georefresh runs --outcome published lists the generations'),
  'GR-4011': entry(6, 'no such source or file', 'name a source of a pipeline, or a file with --contract'),
  'GR-4012': entry(6, 'no such table in the snapshot', 'georefresh query PIPELINE lists the tables'),
  'GR-5001': entry(5, 'the engine cannot be reached', 'georefresh up starts it; check TEMPORAL_ADDRESS', true),
  'GR-5002': entry(5, 'the store cannot be reached', 'check the store URI and the disk', true),
  'GR-5003': entry(5, 'no space is left', 'free space: georefresh doctor says how much is needed', true),
  'GR-5004': entry(5, 'the store refuses access', 'give the user of this process read and write access'),
  'GR-5005': entry(
    5,
    'the engine could not be installed or started',
    'install Go or the Temporal CLI, or set TEMPORAL_ADDRESS',
  ),
  'GR-5006': entry(5, 'workers cannot be kept running', 'read the end of logs/pipeline.log in the home'),
  'GR-5007': entry(
    5,
    'the bucket or container of the store is not there',
    'make it, or mend store and storage: in settings.yaml (name, endpoint, region)',
  ),
  'GR-5008': entry(
    5,
    'the credentials for the store are missing or not accepted',
    'AWS: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role; Azure: AZURE_STORAGE_CONNECTION_STRING',
  ),
  'GR-5009': entry(
    5,
    'the store lacks what a lake needs',
    'use a service that honours If-None-Match on writes: Amazon S3, MinIO, Ceph, R2, versitygw, Azure Blob',
  ),
  'GR-5010': entry(
    5,
    'the database cannot be reached',
    'it is tried again; check that the server of GEOREFRESH_POSTGRES_URL is up',
    true,
  ),
  'GR-5011': entry(
    5,
    'the database refuses access',
    'mend the user, password, database or sslmode in GEOREFRESH_POSTGRES_URL, or its rights; then georefresh deliver',
  ),
  'GR-5012': entry(
    5,
    'the address of the database is not known',
    'set GEOREFRESH_POSTGRES_URL=postgres://user:password@host:5432/database where the workers run',
  ),
  'GR-5013': entry(5, 'the tables of the database are in use', 'it is tried again; end what keeps them open', true),
  'GR-5014': entry(
    5,
    'the database cannot take a table',
    'mend what is named; docs/how-to/deliver-to-postgres.md says what it must find',
  ),
  'GR-7001': entry(7, 'someone else published first', 'the newer snapshot stands; start another refresh if wanted'),
  'GR-7002': entry(7, 'the lake was collected since this run began', 'start another refresh: georefresh refresh'),
  'GR-7003': entry(
    7,
    'no more snapshots of earlier times are kept',
    'let go of some: retention: of the pipeline.yaml, then georefresh gc --delete; or backfill a shorter range',
  ),
  'GR-7004': entry(7, 'the pipeline is held', 'let it publish again: georefresh release'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** One place that an error is about: a file and line, a source and row, a step. */
export interface Where {
  file?: string;
  line?: number;
  /** Both from 1. */
  column?: number;
  row?: number;
  note?: string;
}

export interface ErrorOptions {
  where?: Where[];
  cause?: unknown;
}

/** The one error class of the project: a code of the registry, what happened in particular, and where. */
export class GeorefreshError extends Error {
  readonly code: ErrorCode;
  readonly where: Where[];

  constructor(code: ErrorCode, detail: string, { where = [], cause }: ErrorOptions = {}) {
    super(`${ERRORS[code].title}: ${detail}`, cause === undefined ? undefined : { cause });
    this.name = code;
    this.code = code;
    this.where = where;
  }
}

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERRORS, code);

/** The registry's entry of any thrown thing; unknown ones are GR-3001. */
export const codeOf = (error: unknown): ErrorCode => (error instanceof GeorefreshError ? error.code : 'GR-3001');
