import { parentPort, workerData } from 'node:worker_threads';
import { type KernelCall, openKernel, type RawTree } from './kernel.js';

/** What a thread of a crew is started with. */
export interface ThreadData {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** One cell over shared memory: trees grown so far, by all threads. */
  grown: Int32Array;
}

export interface ThreadCall {
  name: KernelCall;
  args: number[];
}

export type ThreadAnswer = { trees: RawTree[] } | { error: string };

const { module, memory, grown } = workerData as ThreadData;
const kernel = openKernel(module, memory, () => Atomics.add(grown, 0, 1));

parentPort?.on('message', ({ name, args }: ThreadCall) => {
  parentPort?.postMessage(answerTo(name, args));
});

function answerTo(name: KernelCall, args: number[]): ThreadAnswer {
  try {
    return { trees: kernel(name, args) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
