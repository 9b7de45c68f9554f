import type { codeOf } from '../../config/errors.js';
import type { KernelName } from './kernels.js';

/** Cells of the state that a kernel's thread shares with its caller. */
export const STATE = { done: 0, cancelled: 1, cells: 2 } as const;

/** Kernels inside native code, where ending the thread would end the process: they ask whether they are cancelled. */
export const COOPERATIVE: ReadonlySet<KernelName> = new Set<KernelName>(['scoreOnnx']);

export interface Task {
  kernel: KernelName;
  input: unknown;
  /** Shared: how much is done, written by the thread; whether it is cancelled, written by the caller. */
  state: Int32Array;
}

/** Errors lose their class on the way between threads, so a typed one crosses as data. */
export type Answer =
  | { output: unknown }
  | { error: { code: ReturnType<typeof codeOf>; message: string; stack?: string } };
