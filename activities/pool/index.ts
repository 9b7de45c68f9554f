import { Piscina } from 'piscina';
import { ERRORS, GeorefreshError } from '../../config/errors.js';
import { builtFile } from '../../config/root.js';
import type { KernelInput, KernelName, KernelOutput } from './kernels.js';
import { type Answer, COOPERATIVE, STATE, type Task } from './protocol.js';

export interface RunKernelOptions {
  /** Ends the kernel's thread at once, and another takes its place; one inside native code ends at its next batch. */
  signal?: AbortSignal;
  /** Called about ten times a second with the number done so far. */
  onProgress?(done: number): void;
}

/** Threads for kernels and inference: CPU work on a worker's main thread would stop its heartbeats. */
export interface KernelPool {
  readonly threads: number;
  run<K extends KernelName>(kernel: K, input: KernelInput<K>, options?: RunKernelOptions): Promise<KernelOutput<K>>;
  close(): Promise<void>;
}

const PROGRESS_EVERY = 100;
const LONGEST_QUEUE = 1000;

/**
 * Starts a pool of `threads` worker threads, each with at most `heapMb` of JavaScript heap (typed arrays and native
 * memory are not counted in it). A kernel that throws fails with its own code; a thread that dies, with GR-3004.
 */
export function createKernelPool({ threads, heapMb = 512 }: { threads: number; heapMb?: number }): KernelPool {
  const pool = new Piscina<Task, Answer>({
    filename: builtFile(new URL('./thread.js', import.meta.url)),
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 60_000,
    maxQueue: LONGEST_QUEUE,
    // A spinning thread waits for its next task; on few cores that time belongs to the one that works.
    atomics: 'disabled',
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  pool.on('error', () => undefined); // A thread that dies outside a task is replaced; one inside rejects its task.

  const cooperative = new Map<Int32Array, Promise<unknown>>();

  const perform = async (task: Task, signal: AbortSignal | undefined): Promise<Answer> => {
    if (!COOPERATIVE.has(task.kernel)) return pool.run(task, { signal: signal ?? null });
    const cancel = (): void => {
      Atomics.store(task.state, STATE.cancelled, 1);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    const answer = pool.run(task);
    cooperative.set(task.state, answer);
    try {
      return await answer;
    } finally {
      cooperative.delete(task.state);
      signal?.removeEventListener('abort', cancel);
    }
  };

  return {
    threads,
    async run(kernel, input, { signal, onProgress } = {}) {
      signal?.throwIfAborted();
      const state = new Int32Array(new SharedArrayBuffer(STATE.cells * Int32Array.BYTES_PER_ELEMENT));
      const timer = onProgress && setInterval(() => onProgress(Atomics.load(state, STATE.done)), PROGRESS_EVERY);
      try {
        const answer = await perform({ kernel, input, state }, signal).catch((cause: unknown) => {
          signal?.throwIfAborted();
          throw new GeorefreshError('GR-3004', `${kernel}: ${cause instanceof Error ? cause.message : String(cause)}`, {
            cause,
          });
        });
        if ('error' in answer) {
          signal?.throwIfAborted();
          throw revived(answer.error);
        }
        return answer.output as KernelOutput<typeof kernel>;
      } finally {
        clearInterval(timer);
      }
    },
    async close() {
      for (const state of cooperative.keys()) Atomics.store(state, STATE.cancelled, 1);
      await Promise.allSettled(cooperative.values());
      await pool.destroy();
    },
  };
}

function revived({ code, message, stack }: Extract<Answer, { error: unknown }>['error']): GeorefreshError {
  const prefix = `${ERRORS[code].title}: `;
  const error = new GeorefreshError(code, message.startsWith(prefix) ? message.slice(prefix.length) : message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
