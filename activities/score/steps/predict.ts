import type { Train } from '../../../config/definition/model.js';
import type { Pipeline } from '../../../config/definition/pipeline.js';
import { GeorefreshError } from '../../../config/errors.js';
import { fetchBytes } from '../../../lake/artifacts.js';
import type { Column, Columns } from '../../../lake/types.js';
import { artifactOf, type Deps } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import { toFeatures } from '../../train/features.js';
import { decodeModelJson } from '../../train/model-json.js';
import { MODEL, ONNX } from '../../train/names.js';
import type { StepInput } from '../../types.js';
import { deviationOf, PARITY_TOLERANCE } from '../onnx.js';

type Predict = NonNullable<Pipeline['score']['predict']>;

/**
 * The champion's predictions for rows with its features, by ONNX, and how far each is from that of the model that it was
 * exported from: Infinity where only one of them is a number.
 */
export async function predictRows(
  { lake, pool }: Deps,
  train: Pick<Train, 'key' | 'features'>,
  predict: Predict,
  input: StepInput,
  table: Columns,
  { signal, progress }: StepContext,
): Promise<{ predictions: Columns; differences: Float64Array }> {
  const matrix = toFeatures(table, train.features);
  const onnx = await fetchBytes(lake.store, artifactOf(input, ONNX), { signal });
  const model = decodeModelJson(await fetchBytes(lake.store, artifactOf(input, MODEL), { signal }));
  const onProgress = (done: number): void => progress({ done, total: table.rows, unit: 'rows' });
  const [scored, native] = await Promise.all([
    pool.run('scoreOnnx', { model: onnx, matrix }, { signal, onProgress }),
    pool.run('predictModel', { model, matrix }, { signal }),
  ]);
  const { min } = predict;
  const values = min === undefined ? scored : scored.map((value) => Math.max(min, value));
  return {
    predictions: {
      rows: table.rows,
      columns: { [train.key]: table.columns[train.key] as Column, [predict.as]: { type: 'double', values } },
    },
    differences: native.map((value, i) => differenceOf(value, scored[i] as number)),
  };
}

function differenceOf(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}

export const largest = (differences: Float64Array): number => differences.reduce((a, b) => Math.max(a, b), 0);

/**
 * Refuses predictions that differ from the model's by more than a part of their own deviation (GR-3003), and gives that
 * part. All of them are looked at together: those of one small place may hardly vary.
 */
export function demandAgreement(difference: number, predictions: Column | undefined): number {
  if (predictions === undefined || predictions.type === 'text' || predictions.type === 'boolean')
    throw new TypeError('predictions are numbers');
  const { values } = predictions;
  const deviation = deviationOf(values);
  const agreement = difference / (deviation > 0 ? deviation : Math.max(1, Math.abs(values[0] ?? 0)));
  if (agreement > PARITY_TOLERANCE)
    throw new GeorefreshError('GR-3003', `predictions differ by ${agreement} deviations, ${PARITY_TOLERANCE} allowed`);
  return agreement;
}
