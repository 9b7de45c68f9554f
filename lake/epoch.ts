import { AsyncLocalStorage } from 'node:async_hooks';

const epochs = new AsyncLocalStorage<number>();

/**
 * Runs `work` in an epoch of its pipeline's lake. Each collection begins a new one, and what is written in it has names
 * of its own: so no name that a collection of an earlier epoch may still delete, however late, is ever given again. The
 * epoch is that of the run, as it was when the run began; whatever the run does, on any worker, it does in that one.
 */
export const inEpoch = <T>(epoch: number, work: () => Promise<T>): Promise<T> => epochs.run(epoch, work);

/** The epoch of the run that this is part of; 0 before the first collection. */
export const epochNow = (): number => epochs.getStore() ?? 0;

/** The part of a name that tells its epoch: nothing for 0. */
export const epochSegment = (epoch: number): string[] => (epoch === 0 ? [] : [`e${epoch}`]);
