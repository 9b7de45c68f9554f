import { assignPoints } from '../features/geo/assign.js';
import { buildBallTree } from '../features/geo/ball-tree.js';
import { bufferShare } from '../features/geo/buffer-share.js';
import { nearest } from '../features/geo/nearest.js';
import { reach } from '../features/geo/reach.js';
import { countWithin } from '../features/geo/within.js';
import { calendar } from '../features/time/calendar.js';
import { resample } from '../features/time/resample.js';
import { orderSeries } from '../features/time/series.js';
import { windows } from '../features/time/windows.js';
import { digestLists } from '../partitions/digests.js';
import { renderReportPage } from '../publish/render.js';
import { scoreOnnx } from '../score/onnx.js';
import { fitModel } from '../train/learners.js';
import { permutationImportance } from '../train/permutation.js';
import { exportModel, fitFold, fitPredict, judgeModels, predictModel } from '../train/tasks.js';

/**
 * Everything that runs in the pool's threads, by name. Inputs and outputs are structured-cloneable; arrays over
 * SharedArrayBuffer cross without a copy.
 */
export const KERNELS = {
  assignPoints,
  buildBallTree,
  bufferShare,
  calendar,
  countWithin,
  digestLists,
  exportModel,
  fitFold,
  fitModel,
  fitPredict,
  judgeModels,
  nearest,
  orderSeries,
  permutationImportance,
  predictModel,
  reach,
  renderReportPage,
  resample,
  scoreOnnx,
  windows,
} satisfies Record<string, (input: never, hooks: Hooks) => unknown>;

/** What a kernel may call or ask: how far it is, and whether it is still wanted. */
export interface Hooks {
  onProgress(done: number): void;
  cancelled(): boolean;
}

export type Kernels = typeof KERNELS;
export type KernelName = keyof Kernels;
export type KernelInput<K extends KernelName> = Parameters<Kernels[K]>[0];
export type KernelOutput<K extends KernelName> = Awaited<ReturnType<Kernels[K]>>;
