import { fstatSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination, type Logger, multistream, pino, type StreamEntry, stdTimeFunctions } from 'pino';
import { readableLine } from './log-line.js';
import { REDACTED_PATHS, redactText } from './redact.js';
import type { LogLevel } from './settings-schema.js';

export interface LogOptions {
  level: LogLevel;
  /** JSON lines are appended to this file; its folder is made. Without it they go to stderr. */
  file?: string;
  /** Lines for people on stderr as well. */
  pretty?: boolean;
  /** At this size the file becomes `<file>.1` and a new one begins: at most twice this many bytes are kept. */
  maxBytes?: number;
  /** Fields of every line, such as the role of a worker. */
  base?: Record<string, unknown>;
}

const MAX_BYTES = 10_000_000;
const MEASURES_PER_FILE = 16;

type Destination = ReturnType<typeof destination>;

/** SonicBoom keeps its descriptor under this name; its types do not tell. */
const fdOf = (stream: Destination): number => (stream as unknown as { fd: number }).fd;

/** Whether the file that is written to still has its name: another process may have moved it away. */
const hasItsName = (stream: Destination, file: string): boolean =>
  statSync(file, { throwIfNoEntry: false })?.ino === fstatSync(fdOf(stream)).ino;

/**
 * Moves a file that is too large out of the way and begins a new one. Where another process did so first, its new file
 * is joined instead.
 */
const rotate = (stream: Destination, file: string): void => {
  try {
    if (hasItsName(stream, file)) renameSync(file, `${file}.1`);
  } catch {
    // Held open by another process on Windows, or gone in this moment: the next measure tries again.
  }
  stream.reopen();
};

/**
 * A file that grows beyond `maxBytes` by a small part at most, also where several processes write to it. Writes are
 * synchronous: a line that was logged survives a crash.
 */
const boundedFile = (file: string, maxBytes: number): Destination => {
  mkdirSync(dirname(file), { recursive: true });
  const stream = destination({ dest: file, append: true, mkdir: true, sync: true });
  let unmeasured = 0;
  let isSilent = false;
  // A log that cannot be written (disk full, folder gone) must not take the work down with it: it is said once.
  const complain = (error: unknown): void => {
    if (!isSilent) process.stderr.write(`log ${file} cannot be written: ${String(error)}\n`);
    isSilent = true;
  };
  stream.on('error', complain);
  const measure = (): void => {
    unmeasured = 0;
    try {
      if (!hasItsName(stream, file)) stream.reopen();
      if (fstatSync(fdOf(stream)).size >= maxBytes) rotate(stream, file);
    } catch (error) {
      complain(error);
    }
  };
  measure();
  stream.on('write', (bytes: number) => {
    unmeasured += bytes;
    if (unmeasured >= maxBytes / MEASURES_PER_FILE) measure();
  });
  return stream;
};

/**
 * A logger of structured JSON lines (`level`, `timestamp` in ISO 8601, `event`, fields, `msg`), to a bounded file or
 * stderr and never to stdout, which is for data. Values under secret names and credentials inside text are masked.
 */
export function createLogger({ level, file, pretty = false, maxBytes = MAX_BYTES, base = {} }: LogOptions): Logger {
  const streams: StreamEntry[] = [];
  if (file !== undefined) streams.push({ level: 'trace', stream: boundedFile(file, maxBytes) });
  if (pretty)
    streams.push({ level: 'trace', stream: { write: (line) => void process.stderr.write(readableLine(line)) } });
  if (streams.length === 0) streams.push({ level: 'trace', stream: destination({ fd: 2, sync: true }) });
  return pino(
    {
      level,
      base: { pid: process.pid, ...base },
      timestamp: () => stdTimeFunctions.isoTime().replace('"time"', '"timestamp"'),
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      hooks: { streamWrite: redactText },
    },
    multistream(streams),
  );
}

/** What a line says of the batch that it is about. */
export const batchFields = (batchId: string, executionMode = 'local') => ({
  batch_id: batchId,
  execution_mode: executionMode,
});

/** A child whose every line carries the batch it is about. */
export const forBatch = (log: Logger, batchId: string, executionMode?: string): Logger =>
  log.child(batchFields(batchId, executionMode));
