import { createHash } from 'node:crypto';
import { REPORT_STYLE } from '../../config/templates/report-style.js';
import { formatCount, formatInstant, formatSeconds } from './format.js';
import { cut, Html, html, volatile } from './html.js';
import { renderMap, type Shapes } from './map.js';
import type { ReportData } from './report-data.js';
import { renderMetrics } from './report-metrics.js';
import {
  type Limits,
  renderOutputs,
  renderParameters,
  renderSources,
  renderStages,
  renderSteps,
  renderTops,
} from './report-tables.js';
import { renderCharts } from './series-charts.js';

/** No report is larger, whatever it is given. */
export const MAX_REPORT_BYTES = 1_500_000;

/** Tried in turn until the page is small enough. The first holds for any honest run. */
const LIMITS: readonly Limits[] = [
  { top: 25, columns: 16, lines: 60, text: 80 },
  { top: 10, columns: 12, lines: 40, text: 40 },
  { top: 5, columns: 8, lines: 20, text: 24 },
];

const MAX_NAME = 80;
const MAX_TITLE = 200;
const MAX_SENTENCE = 600;
const MAX_NOTES = 20;

/**
 * Nothing may be fetched and nothing may run. The one style sheet is allowed by its digest, so that markup which slipped
 * through as data could not even be styled.
 */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(REPORT_STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

const fact = (name: string, value: Html | string): Html => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`;

const BANNER = html`<p class="banner" role="note"><strong>SAMPLE DATA</strong> All inputs of this run were generated for demonstration. Its figures say nothing about the world.</p>
`;

const header = ({ pipeline, run, sample }: ReportData): Html => {
  const lead =
    pipeline.description !== undefined && html`<p class="lead">${cut(pipeline.description, MAX_SENTENCE)}</p>\n`;
  const failure =
    run.failure !== undefined &&
    html`<p class="verdict warn"><strong>${cut(run.failure.code, MAX_NAME)}</strong> ${cut(run.failure.message, MAX_SENTENCE)}</p>\n`;
  const facts = [
    fact('outcome', html`<span class="outcome">${cut(run.outcome, MAX_NAME)}</span>`),
    fact('logical time', cut(formatInstant(run.logicalTime), MAX_NAME)),
    fact('trigger', cut(run.trigger, MAX_NAME)),
    fact('started', volatile(cut(formatInstant(run.startedAt), MAX_NAME))),
    fact('took', volatile(formatSeconds(run.seconds))),
    fact('run', html`<code>${volatile(cut(run.id, MAX_NAME))}</code>`),
  ];
  return html`<header>${sample && BANNER}<p class="kicker">${cut(pipeline.name, MAX_NAME)}</p>
<h1>${cut(pipeline.title, MAX_TITLE)}</h1>
${lead}${failure}<dl class="facts">
${facts}</dl></header>`;
};

const keyFigures = ({ sources, outputs }: ReportData): Html => {
  const rows = sources.reduce((sum, source) => sum + source.rows, 0);
  const good = sources.reduce((sum, source) => sum + source.good, 0);
  const figure = (name: string, value: number, note: string): Html =>
    html`<div><dt>${name}</dt><dd>${formatCount(value)}<small>${note}</small></dd></div>\n`;
  // Counted down, so that a single bad row in a million does not read as 100 %.
  const share = rows === 0 ? '' : `${(Math.floor((good / rows) * 1e4) / 100).toFixed(2)} % of rows read`;
  return html`<dl class="figures">
${[
  figure('rows read', rows, `${formatCount(sources.length)} ${sources.length === 1 ? 'source' : 'sources'}`),
  figure('good', good, share),
  figure('quarantined', rows - good, rows === good ? 'every row kept its contract' : 'with rule and reason'),
  figure('outputs', outputs.length, `${formatCount(outputs.reduce((sum, { rows: n }) => sum + (n ?? 0), 0))} rows`),
]}</dl>`;
};

const mapSection = (data: ReportData, shapes: Shapes | undefined): Html | undefined => {
  const drawn = data.map === undefined ? undefined : renderMap(data.map, shapes);
  if (data.map === undefined || drawn === undefined) return undefined;
  const note = drawn.note !== '' && html`<small>${drawn.note}</small>`;
  return html`<section id="map"><h2>Map</h2>
<figure><figcaption>${cut(data.map.title, MAX_TITLE)}${note}</figcaption>
${drawn.svg}</figure></section>`;
};

const page = (data: ReportData, map: Html | undefined, limits: Limits): string => {
  const sections: [id: string, name: string, body: Html | undefined][] = [
    ['model', 'Model', data.metrics === undefined ? undefined : renderMetrics(data.metrics)],
    ['map', 'Map', map],
    ['charts', 'Charts', (data.charts ?? []).length === 0 ? undefined : renderCharts(data.charts ?? [])],
    ['results', 'Results', data.tables.length === 0 ? undefined : renderTops(data.tables, limits)],
    ['sources', 'Sources', data.sources.length === 0 ? undefined : renderSources(data.sources, limits)],
    ['outputs', 'Outputs', data.outputs.length === 0 ? undefined : renderOutputs(data.outputs, limits)],
    ['stages', 'Stages', data.stages.length === 0 ? undefined : renderStages(data.stages, limits)],
    ['steps', 'Steps', data.steps.length === 0 ? undefined : renderSteps(data.steps, limits)],
    ['parameters', 'Parameters', data.parameters.length === 0 ? undefined : renderParameters(data.parameters, limits)],
  ];
  const shown = sections.filter(([, , body]) => body !== undefined);
  const links = shown.map(([id, name]) => html`<a href="#${id}">${name}</a>`);
  const items = data.notes.slice(0, MAX_NOTES).map((note) => html`<li>${cut(note, MAX_SENTENCE)}</li>\n`);
  const notes = html`<section id="notes"><h2>Notes</h2><ul class="notes">
${items}</ul></section>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${data.sample && 'SAMPLE DATA · '}${cut(data.pipeline.title, MAX_TITLE)} · ${formatInstant(data.run.logicalTime)}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
${header(data)}
${keyFigures(data)}
<nav aria-label="Sections">${links}</nav>
<main>
${shown.map(([, , section]) => html`${section}\n`)}${items.length > 0 && notes}</main>
<footer>Made by georefresh. This page stands alone: it loads nothing and runs nothing. Figures are aggregates; the whole tables lie beside it.</footer>
</body>
</html>
`.text;
};

/**
 * One HTML page that stands alone: style and drawings inline, no script, nothing loaded. At most `MAX_REPORT_BYTES`
 * whatever it is given: long lists and texts are cut, and what is left out is counted. Every text of the data is escaped.
 * Equal data gives equal bytes; values that differ between runs over equal data are taken out by `stripVolatile`.
 */
export const renderReport = (data: ReportData, shapes?: Shapes): string => {
  const map = mapSection(data, shapes);
  let text = '';
  for (const limits of LIMITS) {
    text = page(data, map, limits);
    if (Buffer.byteLength(text) <= MAX_REPORT_BYTES) break;
  }
  return text;
};
