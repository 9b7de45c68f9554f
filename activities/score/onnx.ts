import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GeorefreshError } from '../../config/errors.js';
import { columnsOf } from '../train/check.js';
import type { FeatureMatrix } from '../train/learner.js';
import { describeModel, ONNX_INPUT, ONNX_OUTPUT } from '../train/onnx.js';
import type { KernelHooks } from '../types.js';

/** Rows per call of the runtime: at 50 columns the packed batch is 1.6 MB, and the graph's float64 copies 3.3 MB each. */
const BATCH = 8192;

/** Largest difference between native and ONNX predictions, in deviations of the native ones, at which a model may be published. */
export const PARITY_TOLERANCE = 1e-5;

export interface ScoreInput {
  /** Bytes of model.onnx. */
  model: Uint8Array;
  /** Its features, found by name; further ones are passed over. */
  matrix: FeatureMatrix;
  /** Rows to score, [from, to); all by default. */
  from?: number;
  to?: number;
  /** Rows per call; memory grows with it, predictions do not depend on it. */
  batch?: number;
}

export interface ScoreHooks extends KernelHooks {
  /** Asked between batches, a few milliseconds apart; once true, the scoring ends with GR-3006. */
  cancelled?(): boolean;
}

/**
 * Predicts with ONNX Runtime on one thread, batch by batch; call it inside a kernel thread, as each batch blocks.
 *
 * The thread must not be ended from outside while this runs: the binding then throws where JavaScript can no longer run,
 * and the whole process aborts. It is cancelled by `hooks.cancelled`, and its end is awaited before the thread's.
 *
 * Throws GR-3008 where the features lack a column of the model or the model is none of ours, GR-3001 where the runtime fails.
 *
 * @returns one prediction a row of [from, to)
 */
export async function scoreOnnx(
  { model, matrix, from = 0, to = matrix.rows, batch = BATCH }: ScoreInput,
  hooks: ScoreHooks = {},
): Promise<Float64Array> {
  if (!Number.isInteger(batch) || batch < 1)
    throw new RangeError(`batch is ${batch}, not a whole number of rows above 0`);
  if (!(from >= 0 && from <= to && to <= matrix.rows)) throw new RangeError(`rows ${from} to ${to} of ${matrix.rows}`);
  const columns = columnsOf(describeModel(model).features, matrix);
  const out = new Float64Array(to - from);
  if (out.length === 0) return out;
  const session = await openSession(model);
  try {
    const packed = new Float32Array(Math.min(batch, out.length) * columns.length);
    for (let done = 0; done < out.length; ) {
      if (hooks.cancelled?.() === true) throw new GeorefreshError('GR-3006', 'while rows were scored');
      const count = Math.min(batch, out.length - done);
      packRows(columns, from + done, count, packed);
      const input = new Tensor('float32', packed.subarray(0, count * columns.length), [count, columns.length]);
      const { [ONNX_OUTPUT]: output } = await session.run({ [ONNX_INPUT]: input });
      out.set(predictionsOf(output, count), done);
      done += count;
      hooks.onProgress?.(done);
    }
    return out;
  } catch (cause) {
    if (cause instanceof GeorefreshError) throw cause;
    throw new GeorefreshError('GR-3001', 'ONNX Runtime could not score the rows', { cause });
  } finally {
    await session.release();
  }
}

async function openSession(model: Uint8Array): Promise<InferenceSession> {
  try {
    // Parallelism comes from several kernel threads, each with a share of the rows; more here would contend with them.
    return await InferenceSession.create(model, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      enableMemPattern: false,
    });
  } catch (cause) {
    throw new GeorefreshError('GR-3008', 'ONNX Runtime does not accept the model', { cause });
  }
}

/** Writes rows [from, from + count) of the columns into `out`, row by row as the runtime wants them. */
function packRows(columns: Float32Array[], from: number, count: number, out: Float32Array): void {
  const width = columns.length;
  for (let c = 0; c < width; c++) {
    const values = columns[c] as Float32Array;
    for (let r = 0, at = c; r < count; r++, at += width) out[at] = values[from + r] as number;
  }
}

function predictionsOf(output: Tensor | undefined, count: number): Float64Array | Float32Array {
  const data = output?.data;
  if ((data instanceof Float64Array || data instanceof Float32Array) && data.length === count) return data;
  throw new GeorefreshError('GR-3008', `the model has no output ${ONNX_OUTPUT} of one number a row`);
}

export interface Parity {
  /** Largest |native − onnx| in population deviations of the native predictions; Infinity where only one is a number. */
  max: number;
  /** The row of the largest difference; −1 where there are no rows. */
  row: number;
  /** Deviation of the native predictions. */
  deviation: number;
}

/**
 * Compares predictions row by row. Where the native ones do not vary, the difference is taken relative to their size
 * (or to 1, if that is smaller) instead. The caller refuses the model above `PARITY_TOLERANCE` (GR-3003).
 */
export function parity(native: Float64Array, onnx: Float64Array): Parity {
  if (native.length !== onnx.length) return { max: Number.POSITIVE_INFINITY, row: -1, deviation: Number.NaN };
  const deviation = deviationOf(native);
  const unit = deviation > 0 ? deviation : Math.max(1, Math.abs(native[0] ?? 0));
  let max = 0;
  let row = native.length === 0 ? -1 : 0;
  for (let i = 0; i < native.length; i++) {
    const a = native[i] as number;
    const b = onnx[i] as number;
    if (Object.is(a, b)) continue;
    const difference = Math.abs(a - b) / unit;
    // NaN: one is missing, or both are infinite with different signs.
    const size = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    if (size > max) {
      max = size;
      row = i;
    }
  }
  return { max, row, deviation };
}

export function deviationOf(values: Float64Array): number {
  let mean = 0;
  let squares = 0;
  let seen = 0;
  // Welford's recurrence; values that are no numbers do not hide what the others vary by.
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    seen++;
    const difference = value - mean;
    mean += difference / seen;
    squares += difference * (value - mean);
  }
  return seen === 0 ? 0 : Math.sqrt(squares / seen);
}
