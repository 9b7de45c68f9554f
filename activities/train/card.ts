import { stringify } from 'yaml';
import type { MetricsTable } from './evaluate.js';
import type { Scale } from './learner.js';
import type { Metrics, Slice } from './measure.js';

export interface CardSource {
  name: string;
  title?: string;
  sha256: string;
  rows?: number;
}

/** The content of card.json: all that the model card says. */
export interface CardData {
  pipeline: string;
  title: string;
  description: string;
  /** The data were generated for a demonstration. */
  sample: boolean;
  version: string;
  /** ISO 8601, UTC: the time that the run speaks for. */
  logicalTime: string;
  model: {
    learner: string;
    /** What its predictions are. */
    scale: Scale;
    params: Record<string, unknown>;
    sha256: string;
    target: string;
    features: { name: string; importance: number }[];
    /** Columns that the model could make no use of. */
    unused: string[];
  };
  intendedUse: string;
  limits: string[];
  data: { trainingTableSha256: string; rows: number; sources: CardSource[] };
  metrics: MetricsTable;
  /** How each group of figures was taken, by the ending of its name; '' is the one that decides. */
  evaluations: { suffix: string; title: string }[];
  verdict: string;
  slices: { title: string; parts: Slice[] }[];
  /** Largest difference between native and ONNX predictions, in deviations of the predictions. */
  parity: number;
}

/**
 * The model card as Markdown with the YAML front matter that Hugging Face reads (`model-index`), in the sections of
 * Mitchell et al. 2019, "Model Cards for Model Reporting". Equal data give equal text.
 */
export function renderCard(card: CardData): string {
  const { model, data } = card;
  const sections = [
    `# ${line(card.title)}`,
    ...(card.sample ? ['> **Sample data.** The figures below describe generated inputs, not the world.'] : []),
    line(card.description),
    table(
      ['', ''],
      [
        ['Pipeline', card.pipeline],
        ['Version', card.version],
        ['Data as of', card.logicalTime],
        ['Learner', model.learner],
        ['Parameters', code(JSON.stringify(model.params))],
        ['Target', code(model.target)],
        ['File', `model.onnx, SHA-256 ${code(model.sha256)}`],
        [
          'Largest difference between ONNX and native predictions',
          `${number(card.parity)} deviations of the predictions`,
        ],
      ],
    ),
    `## Intended use\n\n${line(card.intendedUse)}`,
    `## Limits\n\n${card.limits.length === 0 ? 'None were written down.' : list(card.limits.map(line))}`,
    `## Training data\n\n${count(data.rows)} rows, table SHA-256 ${code(data.trainingTableSha256)}, made from:`,
    table(
      ['Source', 'Rows', 'SHA-256'],
      data.sources.map(({ name, title, rows, sha256 }) => [
        title ?? name,
        rows === undefined ? '' : count(rows),
        code(sha256),
      ]),
    ),
    `## Metrics\n\n${line(card.verdict)}`,
    metricsTable(card.metrics),
    list(
      card.evaluations.map(
        ({ suffix, title }) => `${suffix === '' ? 'No ending' : code(`_${suffix}`)}: ${line(title)}`,
      ),
    ),
    ...card.slices.map(({ title, parts }) => `### ${line(title)}\n\n${sliceTable(parts)}`),
    `## Features\n\nHow much a prediction leans on each, in the learner's own unit.`,
    table(
      ['Feature', 'Importance'],
      [...model.features]
        .sort((a, b) => b.importance - a.importance || (a.name < b.name ? -1 : 1))
        .map(({ name, importance }) => [code(name), number(importance)]),
    ),
    ...(model.unused.length === 0
      ? []
      : [`Without use in training (constant, empty, or told by others): ${model.unused.map(code).join(', ')}.`]),
  ];
  return `---\n${stringify(frontMatter(card), { lineWidth: 0 })}---\n\n${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

function frontMatter({ pipeline, sample, model, metrics }: CardData) {
  const task = { type: model.scale === 'probability' ? 'tabular-classification' : 'tabular-regression' };
  const own = metrics.models[metrics.champion] ?? {};
  const measured = Object.entries(own).flatMap(([type, value]) => (value === null ? [] : [{ type, value }]));
  return {
    library_name: 'onnx',
    pipeline_tag: task.type,
    tags: ['georefresh', pipeline, model.learner, ...(sample ? ['sample-data'] : [])],
    'model-index': [
      { name: pipeline, results: [{ task, dataset: { name: pipeline, type: pipeline }, metrics: measured }] },
    ],
  };
}

function metricsTable({ champion, models, baselines }: MetricsTable): string {
  const all = [...Object.entries(models), ...Object.entries(baselines)];
  const names = metricNames(all.map(([, metrics]) => metrics));
  return table(
    ['', ...names],
    all.map(([name, metrics]) => [
      name === champion ? `**${name}**` : name,
      ...names.map((key) => value(metrics[key])),
    ]),
  );
}

function sliceTable(parts: Slice[]): string {
  const names = metricNames(parts.map(({ metrics }) => metrics));
  return table(
    ['', 'Rows', ...names],
    parts.map(({ label, rows, metrics }) => [label, count(rows), ...names.map((key) => value(metrics[key]))]),
  );
}

const metricNames = (all: Metrics[]): string[] => [...new Set(all.flatMap((metrics) => Object.keys(metrics)))].sort();

function table(head: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const text = (cells: string[]) => `| ${cells.map((cell) => line(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [text(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(text)].join('\n');
}

const list = (items: string[]): string => items.map((item) => `- ${item}`).join('\n');

/** One line, in which `<` opens no tag. */
const line = (text: string): string => text.trim().replace(/\s+/g, ' ').replaceAll('<', '&lt;');

const code = (text: string): string => `\`${text.replaceAll('`', "'")}\``;

const count = (rows: number): string => rows.toLocaleString('en-US');

const value = (metric: number | null | undefined): string =>
  metric === undefined ? '' : metric === null ? 'undefined' : number(metric);

/** Four significant digits: card.json has them all. */
const number = (of: number): string => Number(of.toPrecision(4)).toString();
