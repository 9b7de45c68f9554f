import { createRequire } from 'node:module';
import { GeorefreshError } from '../../../config/errors.js';
import { putArtifact } from '../../../lake/artifacts.js';
import { listModels, registerModel } from '../../../lake/models.js';
import { artifactOf, prefixOf, tableOf } from '../../deps.js';
import type { Made } from '../../durable.js';
import { readJson } from '../../json.js';
import { rawTable } from '../../resolve/plan.js';
import { PARITY_TOLERANCE, parity } from '../../score/onnx.js';
import { type CardData, renderCard } from '../card.js';
import { learnerOf, parseParams } from '../learners.js';
import { encodeModelJson } from '../model-json.js';
import { CARD, JUDGEMENT, MODEL, ONNX } from '../names.js';
import type { Judgement } from './judge.js';
import type { TrainingWork } from './work.js';

const { version: producerVersion } = createRequire(import.meta.url)('georefresh/package.json') as { version: string };

/** The champion on all rows, its export held against it, and its card. */
export async function fitChampion(
  work: TrainingWork,
  { title, description }: { title: string; description: string },
): Promise<Made> {
  const judgement = await readJson<Judgement>(work.deps.lake, artifactOf(work.input, JUDGEMENT));
  const { champion } = judgement.table;
  const { learner, ...params } = work.candidate(champion);
  const ref = tableOf(work.input, work.definition.table);
  const { table, data } = await work.training(work.definition.table);
  const options = work.kernelOptions();
  const model = await work.deps.pool.run('fitModel', { learner, params, data }, options);
  const metadata = {
    name: work.pipeline,
    producerVersion,
    domain: 'org.georefresh',
    modelVersion: 1,
    description: `${champion} of ${work.pipeline}: ${work.definition.target} by ${model.features.length} features`,
    target: work.definition.target,
    trainingTableSha256: ref.sha256,
  };
  const { onnx, native, importance } = await work.deps.pool.run(
    'exportModel',
    { model, metadata, matrix: data },
    options,
  );
  const agreement = parity(native, await work.deps.pool.run('scoreOnnx', { model: onnx, matrix: data }, options));
  demandParity(agreement);

  const { lake } = work.deps;
  const prefix = prefixOf(work.pipeline, 'models');
  const exported = await putArtifact(lake.store, prefix, onnx, 'onnx', { signal: work.context.signal });
  const card: CardData = {
    pipeline: work.pipeline,
    title,
    description,
    sample: work.input.inputs === undefined,
    version: await versionOf(work, exported.sha256),
    logicalTime: work.input.header.logicalTime,
    model: {
      learner,
      scale: learnerOf(learner).scaleOf(parseParams(learner, params)),
      params: parseParams(learner, params) as Record<string, unknown>,
      sha256: exported.sha256,
      target: work.definition.target,
      features: model.features.map((name, i) => ({ name, importance: importance[i] })),
      unused: model.features.filter((_, i) => importance[i] === 0),
    },
    ...work.definition.card,
    data: { trainingTableSha256: ref.sha256, rows: table.rows, sources: cardSources(work) },
    metrics: judgement.table,
    evaluations: Object.entries(work.definition.evaluations).map(([name, { title: how = name }]) => ({
      suffix: name === work.definition.judge.evaluation ? '' : name,
      title: how,
    })),
    verdict: judgement.verdict,
    slices: [],
    parity: agreement.max,
  };
  const cardRef = await work.putJson(card);
  const registered = await registerModel(lake.store, work.pipeline, {
    onnx: exported,
    card: cardRef,
    createdBy: work.input.header.run,
    metrics: judgement.table.models[champion] ?? {},
  });
  return {
    tables: {},
    artifacts: {
      [ONNX]: exported,
      [MODEL]: await putArtifact(lake.store, prefix, encodeModelJson(model), 'json', { signal: work.context.signal }),
      [CARD]: await putArtifact(lake.store, prefix, Buffer.from(renderCard(card)), 'md', {
        signal: work.context.signal,
      }),
    },
    rowsIn: table.rows,
    rowsOut: table.rows,
    facts: { champion, version: `v${registered.version}`, sha256: exported.sha256, parity: agreement.max },
  };
}

/** The version that the registry has given to a model, or will give to it. */
async function versionOf(work: TrainingWork, sha256: string): Promise<string> {
  const models = await listModels(work.deps.lake.store, work.pipeline);
  const version = models.find((model) => model.sha256 === sha256)?.version ?? (models.at(-1)?.version ?? 0) + 1;
  return `v${version}`;
}

function cardSources(work: TrainingWork): CardData['data']['sources'] {
  return Object.entries(work.input.artifacts)
    .filter(([name]) => name.startsWith(rawTable('')))
    .map(([name, { sha256 }]) => {
      const rows = work.input.tables[name]?.rows;
      return { name: name.slice(rawTable('').length), sha256, ...(rows !== undefined && { rows }) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Refuses an export that does not predict what the model predicts: GR-3003. */
export function demandParity({ max, row }: { max: number; row: number }): void {
  if (max > PARITY_TOLERANCE)
    throw new GeorefreshError('GR-3003', `row ${row + 1} differs by ${max} deviations, ${PARITY_TOLERANCE} allowed`);
}
