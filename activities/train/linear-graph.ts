import type { Design } from './design.js';
import { ONNX_INPUT, ONNX_OUTPUT, OnnxGraph } from './onnx.js';

/**
 * The graph of a linear predictor over a `Design`, in float64 throughout: fill, indicate, centre, multiply, add.
 * The score is the tensor named `output`. It differs from `designBlock` and the product after it by rounding only.
 */
export function linearGraph(
  model: Design & { coefficient: Float64Array; intercept: number },
  output = ONNX_OUTPUT,
): OnnxGraph {
  const { median, indicators, mean, scale, coefficient, intercept } = model;
  const graph = new OnnxGraph('double');
  const missing = graph.node(
    'Or',
    [graph.node('IsNaN', [ONNX_INPUT], 'is_nan'), graph.node('IsInf', [ONNX_INPUT], 'is_infinite')],
    'is_missing',
  );
  const raw = graph.toDouble(ONNX_INPUT, 'raw');
  let columns = graph.node('Where', [missing, graph.doubles('median', median), raw], 'filled');
  if (indicators.length > 0) {
    const flags = graph.toDouble(missing, 'missing');
    const chosen = graph.node('Gather', [flags, graph.int64s('indicator_features', indicators)], 'indicators', {
      axis: 1,
    });
    columns = graph.node('Concat', [columns, chosen], 'columns', { axis: 1 });
  }
  // The division by the deviations stands inside the coefficients: ONNX Runtime (1.30, MatMulScaleFusion) folds a division of
  // a single column into the product that follows it, and rounds it to float32 there.
  const slope = coefficient.map((value, c) => value / (scale[c] as number));
  const centred = graph.node('Sub', [columns, graph.doubles('mean', mean)], 'centred');
  const explained = graph.node('MatMul', [centred, graph.doubles('slope', slope)], 'explained');
  graph.node('Add', [explained, graph.doubles('intercept', [intercept], [])], output);
  return graph;
}
