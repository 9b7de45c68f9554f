import { createRequire } from 'node:module';
import { GeorefreshError } from '../../../config/errors.js';
import { fetchJson, putArtifact } from '../../../lake/artifacts.js';
import { artifactOf, prefixOf, tableOf } from '../../deps.js';
import type { Made } from '../../durable.js';
import { PARITY_TOLERANCE, parity } from '../../score/onnx.js';
import type { CardData } from '../card.js';
import { learnerOf, parseParams } from '../learners.js';
import { encodeModelJson } from '../model-json.js';
import { JUDGEMENT, MODEL, MODEL_FACTS, ONNX } from '../names.js';
import type { Judgement } from './judge.js';
import type { TrainingWork } from './work.js';

const { version: producerVersion } = createRequire(import.meta.url)('georefresh/package.json') as { version: string };

/** What `train/model` says of the model that it made, for its card. */
export interface ModelFacts {
  champion: string;
  model: CardData['model'];
  data: Omit<CardData['data'], 'sources'>;
  /** Largest difference between native and ONNX predictions, in deviations of the predictions. */
  parity: number;
}

/** The champion on all rows, and its export held against it. */
export async function fitChampion(work: TrainingWork): Promise<Made> {
  const { lake, pool } = work.deps;
  const { target, table: trained } = work.definition;
  const { champion } = (await fetchJson<Judgement>(lake.store, artifactOf(work.input, JUDGEMENT))).table;
  const { learner, ...params } = work.candidate(champion);
  const { sha256: trainingTableSha256 } = tableOf(work.input, trained);
  const { table, data } = await work.training(trained);
  const options = work.kernelOptions();
  const model = await pool.run('fitModel', { learner, params, data }, options);
  const metadata = {
    name: work.pipeline,
    producerVersion,
    domain: 'org.georefresh',
    modelVersion: 1,
    description: `${champion} of ${work.pipeline}: ${target} by ${model.features.length} features`,
    target,
    trainingTableSha256,
  };
  const { onnx, native, importance } = await pool.run('exportModel', { model, metadata, matrix: data }, options);
  const agreement = parity(native, await pool.run('scoreOnnx', { model: onnx, matrix: data }, options));
  demandParity(agreement);

  const keep = (bytes: Uint8Array, kind: string) =>
    putArtifact(lake.store, prefixOf(work.pipeline, 'models'), bytes, kind, { signal: work.context.signal });
  const exported = await keep(onnx, 'onnx');
  const facts: ModelFacts = {
    champion,
    model: {
      learner,
      scale: learnerOf(learner).scaleOf(parseParams(learner, params)),
      params: parseParams(learner, params) as Record<string, unknown>,
      sha256: exported.sha256,
      target,
      features: model.features.map((name, i) => ({ name, importance: importance[i] })),
      unused: model.features.filter((_, i) => importance[i] === 0),
    },
    data: { trainingTableSha256, rows: table.rows },
    parity: agreement.max,
  };
  return {
    tables: {},
    artifacts: {
      [ONNX]: exported,
      [MODEL]: await keep(encodeModelJson(model), 'json'),
      [MODEL_FACTS]: await work.putJson(facts),
    },
    rowsIn: table.rows,
    rowsOut: table.rows,
    facts: { champion, sha256: exported.sha256, parity: agreement.max },
  };
}

/** Refuses an export that does not predict what the model predicts: GR-3003. */
export function demandParity({ max, row }: { max: number; row: number }): void {
  if (max > PARITY_TOLERANCE)
    throw new GeorefreshError('GR-3003', `row ${row + 1} differs by ${max} deviations, ${PARITY_TOLERANCE} allowed`);
}
