import { once } from 'node:events';
import { isMainThread, Worker } from 'node:worker_threads';
import { GeorefreshError } from '../../../config/errors.js';
import { builtFile } from '../../../config/root.js';
import { type KernelCall, kernelModule, openKernel, type RawTree } from './kernel.js';
import type { ThreadAnswer, ThreadCall, ThreadData } from './thread.js';

/** Threads that a fit may have. */
export const MOST_THREADS = 64;
const PROGRESS_EVERY = 100;

export interface CrewOptions {
  threads: number;
  /** Aborting it ends the threads at once, whatever they do. */
  signal?: AbortSignal | undefined;
  /** Called with the number of trees grown so far. */
  onProgress?: ((trees: number) => void) | undefined;
}

/** Threads over one memory that call the kernel. */
export interface Crew {
  readonly size: number;
  /** Calls a function of the kernel on one thread, and resolves to the trees that it grew. Rejects with GR-3006 once cancelled. */
  call(thread: number, name: KernelCall, ...args: number[]): Promise<RawTree[]>;
  close(): Promise<void>;
}

/**
 * Starts a crew. One thread that nobody can cancel, inside a thread already, is the calling one: there is nothing to keep
 * free. Everything else runs in threads of its own.
 */
export const openCrew = (memory: WebAssembly.Memory, options: CrewOptions): Crew =>
  options.threads === 1 && options.signal === undefined && !isMainThread
    ? callingThread(memory, options)
    : ownThreads(memory, options);

function callingThread(memory: WebAssembly.Memory, { onProgress }: CrewOptions): Crew {
  let grown = 0;
  const kernel = openKernel(kernelModule(), memory, () => onProgress?.(++grown));
  return { size: 1, call: async (_, name, ...args) => kernel(name, args), close: () => Promise.resolve() };
}

function ownThreads(memory: WebAssembly.Memory, { threads, signal, onProgress }: CrewOptions): Crew {
  const grown = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = { module: kernelModule(), memory, grown };
  const file = builtFile(new URL('./thread.js', import.meta.url));
  const workers = Array.from({ length: threads }, () => new Worker(file, { workerData, execArgv: [] }));
  const stopped = deferred();
  const end = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  };
  for (const worker of workers) {
    // A thread that died leaves the others waiting for it.
    worker.once('error', (cause) => stopped.reject(new GeorefreshError('GR-3004', 'growing trees', { cause })));
  }
  const cancel = (): void => {
    stopped.reject(new GeorefreshError('GR-3006', 'while a model was fitted'));
    void end();
  };
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  const timer = onProgress && setInterval(() => onProgress(Atomics.load(grown, 0)), PROGRESS_EVERY);

  const ask = async (worker: Worker, call: ThreadCall): Promise<RawTree[]> => {
    const answered = once(worker, 'message') as Promise<[ThreadAnswer]>;
    worker.postMessage(call);
    const [answer] = await answered;
    if ('trees' in answer) return answer.trees;
    throw new GeorefreshError('GR-3001', `the tree kernel: ${answer.error}`);
  };
  return {
    size: threads,
    call: (thread, name, ...args) => Promise.race([ask(workers[thread] as Worker, { name, args }), stopped.promise]),
    async close() {
      clearInterval(timer);
      signal?.removeEventListener('abort', cancel);
      await end();
    },
  };
}

/** A promise that only ever rejects, from outside. */
function deferred(): { promise: Promise<never>; reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  // Nobody may be waiting when it comes.
  promise.catch(() => undefined);
  return { promise, reject };
}
