import { GeorefreshError } from '../../../config/errors.js';
import { fetchJson } from '../../../lake/artifacts.js';
import { artifactOf } from '../../deps.js';
import type { Made } from '../../durable.js';
import { columnOf } from '../../features/builders/columns.js';
import { numbers } from '../../features/builders/context.js';
import { IMPORTANCE, JUDGEMENT } from '../names.js';
import type { PermutationImportance } from '../permutation.js';
import type { Judgement } from './judge.js';
import type { TrainingWork } from './work.js';

export type ChampionImportance = PermutationImportance & { metric: string };

/** What the champion loses by the judging metric without each feature, on the first fold of the judging evaluation. */
export async function weighFeatures(work: TrainingWork): Promise<Made> {
  const { judge, metrics } = work.definition;
  const { champion } = (await fetchJson<Judgement>(work.deps.lake.store, artifactOf(work.input, JUDGEMENT))).table;
  const { learner, ...params } = work.candidate(champion);
  const evaluation = work.evaluation(judge.evaluation);
  const metric = metrics[judge.metric];
  if ('fit' in evaluation || metric === undefined)
    throw new GeorefreshError('GR-3009', `${judge.evaluation} has no folds, or ${judge.metric} is no metric`);
  const { table, data } = await work.training(evaluation.on, [evaluation.folds]);
  const folds = numbers(columnOf(table, evaluation.folds), evaluation.folds, evaluation.on);
  const input = { learner, params, data, folds, fold: 0, keys: work.keys(table), metric, better: judge.better };
  const found = await work.deps.pool.run('permutationImportance', input, work.kernelOptions());
  const importance: ChampionImportance = { metric: judge.metric, ...found };
  return {
    tables: {},
    artifacts: { [IMPORTANCE]: await work.putJson(importance) },
    rowsIn: table.rows,
    rowsOut: found.rows,
    facts: { champion, [judge.metric]: found.value },
  };
}
