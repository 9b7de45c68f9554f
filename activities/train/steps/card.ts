import { fetchJson, putArtifact } from '../../../lake/artifacts.js';
import { listModels, registerModel } from '../../../lake/models.js';
import { artifactOf, prefixOf } from '../../deps.js';
import type { Made } from '../../durable.js';
import { rawTable } from '../../resolve/plan.js';
import { type CardData, renderCard } from '../card.js';
import { CARD, JUDGEMENT, MODEL_FACTS, ONNX } from '../names.js';
import type { ModelFacts } from './champion.js';
import type { Judgement } from './judge.js';
import type { TrainingWork } from './work.js';

/** The card of the model, which names what it was made from, and the model's entry in the registry. */
export async function writeCard(
  work: TrainingWork,
  { title, description }: { title: string; description: string },
): Promise<Made> {
  const { lake } = work.deps;
  const { card: words, evaluations, judge } = work.definition;
  const onnx = artifactOf(work.input, ONNX);
  const { champion, model, data, parity } = await fetchJson<ModelFacts>(
    lake.store,
    artifactOf(work.input, MODEL_FACTS),
  );
  const { table: metrics, verdict } = await fetchJson<Judgement>(lake.store, artifactOf(work.input, JUDGEMENT));
  const card: CardData = {
    pipeline: work.pipeline,
    title,
    description,
    sample: work.input.inputs === undefined,
    version: await versionOf(work, onnx.sha256),
    logicalTime: work.input.header.logicalTime,
    model,
    ...words,
    data: { ...data, sources: cardSources(work) },
    metrics,
    evaluations: Object.entries(evaluations).map(([name, { title: how = name }]) => ({
      suffix: name === judge.evaluation ? '' : name,
      title: how,
    })),
    verdict,
    slices: [],
    parity,
  };
  const { signal } = work.context;
  const registered = await registerModel(
    lake.store,
    work.pipeline,
    {
      onnx,
      card: await work.putJson(card),
      createdBy: work.input.header.run,
      metrics: metrics.models[champion] ?? {},
    },
    { signal },
  );
  const text = Buffer.from(renderCard(card));
  return {
    tables: {},
    artifacts: {
      [CARD]: await putArtifact(lake.store, prefixOf(work.pipeline, 'models'), text, 'md', { signal }),
    },
    rowsIn: 0,
    rowsOut: 0,
    facts: { champion, version: `v${registered.version}`, sha256: onnx.sha256 },
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
