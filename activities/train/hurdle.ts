import { z } from 'zod';
import { GeorefreshError } from '../../config/errors.js';
import { checkTrainingData } from './check.js';
import type { Learner, LearnHooks, Model, OnnxMetadata, Scale, TrainingData } from './learner.js';
import { encodeModel, ONNX_OUTPUT, OnnxGraph } from './onnx.js';
import { takeTraining } from './take.js';

/** One of the two learners of a hurdle model, with its parameters checked. */
interface Part {
  learner: string;
  params: unknown;
}

export interface HurdleParams {
  occurrence: Part;
  amount: Part;
}

export interface HurdleModel extends Model {
  /** Predicts whether there is any. */
  occurrence: Model;
  /** Predicts how much, where there is any. */
  amount: Model;
  /** Smallest amount above 0 in training; no amount is predicted to be less. */
  least: number;
}

type Learners = Readonly<Record<string, Learner<unknown, Model>>>;

/**
 * The hurdle model (Cragg 1971; Mullahy 1986): one learner for the chance that the target is above 0, fitted on all rows, another
 * for the amount where it is, fitted on those rows alone; the prediction is their product, the expected amount. It suits counts
 * that are mostly 0: what tells none from some and what tells some from many are learned apart.
 *
 * Targets below 0 are GR-3002, and so is what either learner refuses: no row above 0, or none at 0, is one class.
 */
export function hurdleOf(learners: Learners): Learner<HurdleParams, HurdleModel> {
  const of = ({ learner }: { learner: string }) => learners[learner] as Learner<unknown, Model>;
  return {
    name: 'hurdle',
    schema: z.strictObject({
      occurrence: part(learners, 'probability').describe('a learner of probabilities, and its parameters'),
      amount: part(learners, 'count').describe('a learner of amounts, and its parameters'),
    }),
    scaleOf: () => 'count',
    async fit(data, { occurrence, amount }, hooks) {
      checkAmounts(data);
      const some = Int32Array.from(data.target.keys()).filter((row) => (data.target[row] as number) > 0);
      const any = { ...data, target: data.target.map((value) => (value > 0 ? 1 : 0)) };
      return {
        learner: 'hurdle',
        features: data.features.map(({ name }) => name),
        occurrence: await of(occurrence).fit(any, occurrence.params, hooks),
        amount: await of(amount).fit(takeTraining(data, some), amount.params, withoutProgress(hooks)),
        least: leastOf(data, some),
      };
    },
    predict({ occurrence, amount, least }, matrix) {
      const amounts = of(amount).predict(amount, matrix);
      return of(occurrence)
        .predict(occurrence, matrix)
        .map((chance, row) => chance * Math.max(least, amounts[row] as number));
    },
    toGraph,
    toOnnx: (model, metadata: OnnxMetadata) =>
      encodeModel(toGraph(model), model, metadata, {
        occurrence: model.occurrence.learner,
        amount: model.amount.learner,
      }),
    importance({ occurrence, amount }) {
      const [chance, size] = [occurrence, amount].map((model) => shares(of(model).importance(model)));
      return (chance as Float64Array).map((share, f) => (share + (size?.[f] as number)) / 2);
    },
  };

  function toGraph({ occurrence, amount, least }: HurdleModel): OnnxGraph {
    const graph = new OnnxGraph('double');
    const chance = graph.include(of(occurrence).toGraph(occurrence), 'occurrence');
    const size = graph.include(of(amount).toGraph(amount), 'amount');
    const bounded = graph.node('Max', [size, graph.doubles('least_amount', [least], [])], 'bounded');
    graph.node('Mul', [chance, bounded], ONNX_OUTPUT);
    return graph;
  }
}

/** A learner's name and parameters in one object, as candidates are written, whose predictions are of that scale. */
function part(learners: Learners, scale: Scale) {
  return z.looseObject({ learner: z.enum(Object.keys(learners)) }).transform(({ learner, ...raw }, context): Part => {
    const { schema, scaleOf } = learners[learner] as Learner<unknown, Model>;
    const parsed = schema.safeParse(raw);
    if (!parsed.success) {
      for (const { message, path } of parsed.error.issues) context.addIssue({ code: 'custom', message, path });
      return z.NEVER;
    }
    if (scaleOf(parsed.data) !== scale) {
      const message = `${learner} predicts a ${scaleOf(parsed.data)} here, and a ${scale} is needed`;
      context.addIssue({ code: 'custom', message });
    }
    return { learner, params: parsed.data };
  });
}

function checkAmounts(data: TrainingData): void {
  checkTrainingData(data, { infinities: true });
  const row = data.target.findIndex((value) => value < 0);
  if (row >= 0) throw new GeorefreshError('GR-3002', `an amount is negative in row ${row}`);
}

/** The least target of the rows that weigh anything. */
const leastOf = ({ target, weights }: TrainingData, rows: Int32Array): number =>
  rows.reduce(
    (least, row) => (weights?.[row] === 0 ? least : Math.min(least, target[row] as number)),
    Number.POSITIVE_INFINITY,
  );

/** The second fit would count from 0 again. */
function withoutProgress(hooks: LearnHooks = {}): LearnHooks {
  const { onProgress: _, ...others } = hooks;
  return others;
}

/** Each feature's share of the whole; learners measure in units of their own. */
function shares(importance: Float64Array): Float64Array {
  const sum = importance.reduce((total, value) => total + value, 0);
  return sum === 0 ? importance : importance.map((value) => value / sum);
}
