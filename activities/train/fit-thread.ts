import { parentPort, workerData } from 'node:worker_threads';
import { codeOf, type ErrorCode } from '../../config/errors.js';
import type { Model } from './learner.js';
import { type FitInput, fitModel } from './learners.js';

export type FitAnswer =
  | { model: Model }
  | { progress: [number, number] }
  | { error: { code: ErrorCode; message: string } };

const say = (answer: FitAnswer): void => parentPort?.postMessage(answer);

try {
  const model = await fitModel(workerData as FitInput, { onProgress: (...progress) => say({ progress }) });
  say({ model });
} catch (error) {
  say({ error: { code: codeOf(error), message: error instanceof Error ? error.message : String(error) } });
}
