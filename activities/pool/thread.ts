import { codeOf } from '../../config/errors.js';
import { type Hooks, KERNELS } from './kernels.js';
import { type Answer, STATE, type Task } from './protocol.js';

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
