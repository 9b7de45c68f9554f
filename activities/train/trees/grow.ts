import * as L from '../assembly/layout.js';
import type { LearnHooks, TrainingData } from '../learner.js';
import { binFeatures } from './binning.js';
import type { KernelCall, RawTree } from './kernel.js';
import type { KernelMemory } from './memory.js';
import type { Binned } from './model.js';
import { openCrew } from './threads.js';

export interface GrowOptions {
  kernel: Extract<KernelCall, 'boost' | 'forest'>;
  threads: number;
  /** Trees, at most. */
  total: number;
  hooks: LearnHooks;
}

/** Puts the features of a memory that is otherwise laid out into bins, and has its trees grown by a crew of threads. */
export async function growTrees(
  memory: KernelMemory,
  features: TrainingData['features'],
  { kernel, threads, total, hooks }: GrowOptions,
): Promise<{ trees: RawTree[]; binned: Binned }> {
  const crew = openCrew(memory.memory, {
    threads,
    signal: hooks.signal,
    onProgress: hooks.onProgress && ((done) => hooks.onProgress?.(done, total)),
  });
  try {
    const levels = await binFeatures(memory, crew, features);
    const grown = await Promise.all(Array.from({ length: threads }, (_, t) => crew.call(t, kernel, t)));
    hooks.onProgress?.(total, total);
    return {
      trees: grown.flat(),
      binned: {
        features: features.map(({ name }) => name),
        levels,
        bounds: memory.floats(L.A_BOUNDS, features.length * L.MAX_BINS),
        binCount: memory.ints(L.A_BIN_COUNT, features.length),
      },
    };
  } finally {
    await crew.close();
  }
}
