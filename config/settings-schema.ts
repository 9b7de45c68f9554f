import { z } from 'zod';
import { duration, size } from './units.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const address = z.string().regex(/^[^\s:/]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, 'expected host:port');

/** The one table of defaults. Nothing here is a secret: those come from the environment, and are read where they are used. */
export const settingsSchema = z.strictObject({
  home: z
    .string()
    .min(1)
    .default('data')
    .describe('folder of inputs, lake, outputs, logs and the engine; relative to the project'),
  store: z
    .string()
    .min(1)
    .optional()
    .describe(
      'where the lake is: a folder, file:///…, s3://bucket/prefix or azure://container/prefix; default: the home',
    ),
  pipelines: z
    .array(z.string().min(1))
    .min(1)
    .default(['config/pipelines'])
    .describe(
      'folders with one folder a pipeline, or s3://bucket/prefix laid out alike, the first before the later ones; relative to the project',
    ),
  first: z
    .array(z.string().min(1))
    .default(['ev-sites'])
    .describe('pipelines that `georefresh start` takes first, the others follow by name'),
  engine: z
    .strictObject({
      address: address.optional().describe('a Temporal server that is there already; default: one is found or started'),
      namespace: z.string().min(1).default('default').describe('the Temporal namespace'),
      maxCachedWorkflows: z
        .int()
        .min(1)
        .default(100)
        .describe('workflows kept in the memory of a worker; one that is not is replayed'),
      heartbeatTimeout: duration
        .prefault('10s')
        .describe('how long a silent worker is waited for before its step is given to another'),
    })
    .prefault({})
    .describe('the Temporal server'),
  compute: z
    .strictObject({
      threads: z.int().min(1).max(256).optional().describe('threads for kernels and SQL; default: one a processor'),
      memory: size.prefault('400MB').describe('memory for SQL; beyond it DuckDB spills to the scratch folder'),
    })
    .prefault({})
    .describe('what a worker may use'),
  partitions: z
    .strictObject({
      rows: z
        .int()
        .min(1)
        .default(25_000)
        .describe('partitions of a step are made together up to so many rows, and kept one by one'),
      window: z.int().min(1).max(1000).default(4).describe('so many such chunks of a step are under way at a time'),
    })
    .prefault({})
    .describe('steps that are made in partitions'),
  scratch: z
    .strictObject({
      maxBytes: size.prefault('4GB').describe('local copies of artifacts kept at most, the least used go first'),
    })
    .prefault({})
    .describe('the local folder that SQL reads from'),
  storage: z
    .strictObject({
      provider: z
        .enum(['local', 'aws', 'azure'])
        .optional()
        .describe('must agree with the store; default: what the store says'),
      endpoint: z
        .url({ protocol: /^https?$/, hostname: /./ })
        .optional()
        .describe('of a service other than Amazon’s or Microsoft’s own; default: AWS_ENDPOINT_URL, or none'),
      region: z.string().min(1).optional().describe('of S3; default: AWS_REGION, or that of the AWS profile'),
      pathStyle: z
        .boolean()
        .optional()
        .describe('buckets in the path, not in the host name; default: wherever an endpoint is set'),
    })
    .prefault({})
    .describe('the kind of store, and how it is reached'),
  watch: z
    .strictObject({
      every: duration
        .prefault('30s')
        .describe('how often the sources are looked at where the system tells of no change, as on network drives'),
      settle: duration.prefault('2s').describe('a file counts as whole when it stayed the same for so long'),
    })
    .prefault({})
    .describe('how `georefresh up --watch` looks out for new files under `inputs`'),
  log: z
    .strictObject({
      level: z
        .enum(LOG_LEVELS)
        .default('info')
        .describe('upper or lower case; WARNING and CRITICAL are understood too'),
      file: z.string().min(1).default('logs/pipeline.log').describe('the log, JSON lines; relative to the home'),
      maxBytes: size.prefault('10MB').describe('at this size the log is renamed to end in .1, and a new one begins'),
    })
    .prefault({})
    .describe('the log of every process'),
  retry: z
    .strictObject({
      maximumAttempts: z.int().min(1).max(100).default(5).describe('attempts of a step whose failure may pass'),
      initialInterval: duration.prefault('1s').describe('pause before the second attempt'),
      backoffCoefficient: z.number().min(1).max(10).default(2).describe('each further pause is so many times longer'),
      maximumInterval: duration.prefault('30s').describe('the longest pause'),
    })
    .prefault({})
    .describe('how failures that may pass are tried again'),
});

/** Where each environment variable stands among the keys. They win over the file; an empty one counts as unset. */
export const ENVIRONMENT = {
  GEOREFRESH_HOME: 'home',
  GEOREFRESH_STORE: 'store',
  GEOREFRESH_PIPELINES: 'pipelines',
  TEMPORAL_ADDRESS: 'engine.address',
  TEMPORAL_NAMESPACE: 'engine.namespace',
  GEOREFRESH_MAX_CACHED_WORKFLOWS: 'engine.maxCachedWorkflows',
  GEOREFRESH_HEARTBEAT_TIMEOUT: 'engine.heartbeatTimeout',
  GEOREFRESH_THREADS: 'compute.threads',
  GEOREFRESH_MEMORY: 'compute.memory',
  GEOREFRESH_SCRATCH: 'scratch.maxBytes',
  GEOREFRESH_WATCH_EVERY: 'watch.every',
  GEOREFRESH_WATCH_SETTLE: 'watch.settle',
  STORAGE_PROVIDER: 'storage.provider',
  GEOREFRESH_STORE_ENDPOINT: 'storage.endpoint',
  GEOREFRESH_STORE_REGION: 'storage.region',
  GEOREFRESH_STORE_PATH_STYLE: 'storage.pathStyle',
  LOG_LEVEL: 'log.level',
  LOG_FILE: 'log.file',
  GEOREFRESH_MAX_ATTEMPTS: 'retry.maximumAttempts',
} as const;

/**
 * Read by themselves: the settings file in the place of config/settings.yaml, the bucket of an S3 store, and the address
 * of the PostgreSQL that outputs go to, which is a secret.
 */
export const OTHER_ENVIRONMENT = ['GEOREFRESH_SETTINGS', 'S3_BUCKET', 'GEOREFRESH_POSTGRES_URL'] as const;

type Parsed = z.infer<typeof settingsSchema>;

/** Settings as the process uses them: durations in milliseconds, sizes in bytes, paths absolute. */
export interface Settings extends Omit<Parsed, 'store' | 'compute' | 'storage'> {
  /** `file:///…`, `s3://…` or `azure://…`. */
  store: string;
  compute: { threads: number; memory: number };
  storage: Omit<Parsed['storage'], 'provider'> & { provider: 'local' | 'aws' | 'azure' };
}
