import type { KernelPool, RunKernelOptions } from './index.js';
import type { KernelInput, KernelName, KernelOutput } from './kernels.js';

/** Fewer rows than this are not worth a second thread. */
const LEAST_ROWS = 2_000;

/**
 * Runs a kernel over ranges of its rows, one a thread, and puts the parts together. Kernels answer each row on its own, so
 * the result is the same for any number of threads. `rows` is the number of rows asked for.
 */
export async function runSplit<K extends KernelName>(
  pool: KernelPool,
  kernel: K,
  input: KernelInput<K>,
  rows: number,
  options: RunKernelOptions = {},
): Promise<KernelOutput<K>> {
  const outputs = await runParts(pool, kernel, rows, options, (part, parts) => ({
    ...input,
    from: Math.floor((rows * part) / parts),
    to: Math.floor((rows * (part + 1)) / parts),
  }));
  return outputs.length === 1 ? outputs[0] : (joined(outputs) as KernelOutput<K>);
}

/** Runs a kernel once a thread, each with its own part of the work; fewer where there are few rows. */
export async function runParts<K extends KernelName>(
  pool: KernelPool,
  kernel: K,
  rows: number,
  { signal, onProgress }: RunKernelOptions,
  inputOf: (part: number, parts: number) => KernelInput<K>,
): Promise<KernelOutput<K>[]> {
  const parts = Math.max(1, Math.min(pool.threads, Math.floor(rows / LEAST_ROWS)));
  const done = new Array<number>(parts).fill(0);
  // When one part fails, nobody waits for the others: they would only hold threads.
  const given = new AbortController();
  const either = signal ? AbortSignal.any([signal, given.signal]) : given.signal;
  const running = Promise.all(
    Array.from({ length: parts }, (_, part) =>
      pool.run(kernel, inputOf(part, parts), {
        signal: either,
        onProgress: (count) => {
          done[part] = count;
          onProgress?.(done.reduce((sum, value) => sum + value, 0));
        },
      }),
    ),
  );
  return running.catch((error: unknown) => {
    given.abort();
    throw error;
  });
}

/** Arrays end to end, also inside arrays and records; row starts (`start`, of sparse rows) are shifted by what stands before. */
function joined(parts: unknown[]): unknown {
  const [first] = parts;
  if (ArrayBuffer.isView(first)) return concatenated(parts as Numbers[]);
  if (Array.isArray(first)) return first.map((_, i) => joined(parts.map((part) => (part as unknown[])[i])));
  const records = parts as Record<string, unknown>[];
  return Object.fromEntries(
    Object.keys(first as object).map((key) => {
      const values = records.map((record) => record[key]);
      return [key, key === 'start' ? joinedStarts(values as Int32Array[]) : joined(values)];
    }),
  );
}

type Numbers = Float64Array | Int32Array;

function concatenated(parts: Numbers[]): Numbers {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all =
    parts[0] instanceof Float64Array
      ? new Float64Array(new SharedArrayBuffer(length * 8))
      : new Int32Array(new SharedArrayBuffer(length * 4));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Of n + 1 starts a part, the first of each later part is the last of the one before. */
function joinedStarts(parts: Int32Array[]): Int32Array {
  const starts = [0];
  for (const part of parts) {
    const offset = starts[starts.length - 1];
    for (let i = 1; i < part.length; i++) starts.push(offset + part[i]);
  }
  return Int32Array.from(starts);
}
