import {
  columnsOfMetric,
  type Evaluation as EvaluationDefinition,
  type Train,
} from '../../../config/definition/model.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Column, Columns } from '../../../lake/types.js';
import type { Made } from '../../durable.js';
import { numbers } from '../../features/builders/context.js';
import { type FitTask, OOF_PREDICTIONS } from '../../resolve/plan.js';
import { type Evaluation, withEvaluation } from '../evaluate.js';
import { learnerOf, parseParams } from '../learners.js';
import type { Contender } from '../measure.js';
import { JUDGEMENT, METRICS } from '../names.js';
import type { TrainingWork } from './work.js';

/** What `train/evaluate` found, kept for the report and the model card. */
export interface Judgement {
  table: Evaluation['table'];
  verdict: string;
  beaten: boolean;
  losses: Evaluation['losses'];
  lift: Evaluation['lift'];
  /** The baseline that is asked in the champion's place, and its column, where the champion is not promoted. */
  instead: { baseline: string; column: string } | null;
}

/** Metrics of every candidate and baseline, the champion, and its out-of-fold predictions. */
export async function judgeCandidates(work: TrainingWork, tasks: FitTask[]): Promise<Made> {
  const { judge, evaluations, baselines } = work.definition;
  const judged = new Map<string, Evaluation>();
  let rows = 0;
  for (const [name, evaluation] of Object.entries(evaluations)) {
    const own = tasks.filter((task) => task.evaluation === name);
    const result = await judgeEvaluation(work, name, evaluation, own);
    judged.set(name, result.evaluation);
    rows = Math.max(rows, result.rows);
  }
  const first = judged.get(judge.evaluation);
  if (first === undefined) throw new GeorefreshError('GR-3009', `no evaluation is called ${judge.evaluation}`);
  let { table } = first;
  for (const [name, { table: other }] of judged)
    if (name !== judge.evaluation) table = withEvaluation(table, name, other);

  const { verdict, beaten, losses, lift } = first;
  const instead = judge.beat ? (rivalOf(first, judge.metric, baselines) ?? null) : null;
  const judgement: Judgement = { table, verdict: spoken(verdict, instead), beaten, losses, lift, instead };
  const champion = tasks.filter((task) => task.evaluation === judge.evaluation && task.candidate === table.champion);
  const judging = evaluations[judge.evaluation];
  const oof = await work.pooled(champion, work.scoredTable(judging), { partly: isForward(judging) });
  return {
    tables: {
      [OOF_PREDICTIONS]: await work.putPredictions(
        work.keys(oof),
        numbers(oof.columns.prediction, 'prediction', OOF_PREDICTIONS),
      ),
    },
    artifacts: {
      [METRICS]: await work.putJson(table),
      [JUDGEMENT]: await work.putJson(judgement),
    },
    rowsIn: rows,
    rowsOut: oof.rows,
    facts: {
      champion: table.champion,
      beaten: beaten ? 1 : 0,
      ...(instead !== null && { asked_instead: instead.baseline }),
      [judge.metric]: table.models[table.champion]?.[judge.metric] ?? null,
    },
  };
}

async function judgeEvaluation(
  work: TrainingWork,
  name: string,
  evaluation: EvaluationDefinition,
  tasks: FitTask[],
): Promise<{ evaluation: Evaluation; rows: number }> {
  const { target, metrics, judge, candidates, evaluations } = work.definition;
  const scored = work.scoredTable(evaluation);
  // A baseline learns nothing: on rows that were judged before it would only say the same again.
  const isNew = name === judge.evaluation || rowsOf(evaluation) !== rowsOf(evaluations[judge.evaluation]);
  const baselines = Object.entries(isNew ? work.definition.baselines : {});
  const read = [...new Set(Object.values(metrics).flatMap(columnsOfMetric))];
  const wanted = [...new Set([...baselines.flatMap(([, baseline]) => columnsOfBaseline(baseline)), ...read])];
  const models: Record<string, Contender> = {};
  let base: Columns | undefined;
  for (const [candidate, { learner, ...params }] of Object.entries(candidates)) {
    base = await work.pooled(
      tasks.filter((task) => task.candidate === candidate),
      scored,
      { columns: [target, ...wanted], partly: isForward(evaluation) },
    );
    models[candidate] = {
      prediction: numbers(base.columns.prediction, 'prediction', candidate),
      scale: learnerOf(learner).scaleOf(parseParams(learner, params)),
    };
  }
  if (base === undefined) throw new GeorefreshError('GR-3002', 'there is no candidate to judge');
  const { columns } = base;
  const result = await work.deps.pool.run(
    'judgeModels',
    {
      keys: work.keys(base),
      target: numbers(columns[target], target, scored),
      models,
      baselines: Object.fromEntries(
        baselines.map(([key, baseline]) => {
          const values = columnsOfBaseline(baseline).map((column) => numbers(columns[column], column, scored));
          return [key, Array.isArray(baseline) ? { ranking: values } : { prediction: values[0] as Float64Array }];
        }),
      ),
      metrics,
      columns: Object.fromEntries(read.map((column) => [column, coded(columns[column], column, scored)])),
      judge: { metric: judge.metric, better: judge.better },
    },
    work.kernelOptions(),
  );
  return { evaluation: result, rows: base.rows };
}

/** Which rows an evaluation predicts: equal texts, equal rows. */
const rowsOf = (evaluation: EvaluationDefinition | undefined): string => {
  if (evaluation === undefined) return '';
  if ('fit' in evaluation) return evaluation.score;
  return evaluation.forward ? `${evaluation.on} ${evaluation.folds}` : evaluation.on;
};

const spoken = (verdict: string, instead: Judgement['instead']): string =>
  instead === null ? verdict : `${verdict} It is not promoted: ${instead.baseline} is asked in its place.`;

const isForward = (evaluation: EvaluationDefinition | undefined): boolean =>
  evaluation !== undefined && 'on' in evaluation && evaluation.forward;

const columnsOfBaseline = (baseline: Train['baselines'][string]): string[] =>
  Array.isArray(baseline) ? baseline : [baseline.column];

/** A column as numbers, texts as codes. */
function coded(column: Column | undefined, name: string, table: string): Float64Array {
  if (column?.type !== 'text') return numbers(column, name, table);
  return Float64Array.from(column.codes, (code) => (code < 0 ? Number.NaN : code));
}

/** The best of the baselines that beat the champion on a metric, and its column; undefined where none does. */
function rivalOf(
  { losses }: Evaluation,
  judging: string,
  baselines: Train['baselines'],
): Judgement['instead'] | undefined {
  const best = losses
    .filter(({ metric }) => metric === judging)
    .sort((a, b) => Math.abs(b.value - b.champion) - Math.abs(a.value - a.champion))[0];
  const baseline = best === undefined ? undefined : baselines[best.baseline];
  if (best === undefined || baseline === undefined || Array.isArray(baseline)) return undefined;
  return { baseline: best.baseline, column: baseline.column };
}
