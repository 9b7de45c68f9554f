import { codeOf } from '../../config/errors.js';
import { type Hooks, KERNELS, type KernelName } from './kernels.js';

/** Cells of the state that a kernel's thread shares with its caller. */
export const STATE = { done: 0, cancelled: 1, cells: 2 } as const;

export interface Task {
  kernel: KernelName;
  input: unknown;
  /** Shared: how much is done, written here; whether it is cancelled, written by the caller. */
  state: Int32Array;
}

/** Errors lose their class on the way between threads, so a typed one crosses as data. */
export type Answer =
  | { output: unknown }
  | { error: { code: ReturnType<typeof codeOf>; message: string; stack?: string } };

/** A thread of the pool: runs one kernel at a time. */
export default async function perform({ kernel, input, state }: Task): Promise<Answer> {
  const run = KERNELS[kernel] as (input: unknown, hooks: Hooks) => unknown;
  try {
    const output = await run(input, {
      onProgress: (done) => {
        Atomics.store(state, STATE.done, done);
      },
      cancelled: () => Atomics.load(state, STATE.cancelled) !== 0,
    });
    return { output };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return { error: { code: codeOf(error), message, ...(stack !== undefined && { stack }) } };
  }
}
