import { columnDecimals, formatBytes, formatCount, formatNumber, formatSeconds, formatShare, NONE } from './format.js';
import { cut, type Html, html, volatile } from './html.js';
import type { Cell, ReportData, ReportTable } from './report-data.js';

/** How much of long lists and long texts is shown; what is left out is counted. */
export interface Limits {
  /** Rows of each short list of an output. */
  top: number;
  columns: number;
  /** Lines of any other table: sources, rules of a source, outputs, parameters. */
  lines: number;
  /** Characters of one cell. */
  text: number;
}

const DIGEST_SHOWN = 12;

interface Header {
  name: string;
  numeric?: boolean;
}

/** A table in a region that scrolls by itself, so that a wide one never widens the page. */
const tableOf = (caption: Html, headers: readonly Header[], rows: readonly Html[], left = 0): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="Table"><table><caption>${caption}</caption><thead><tr>${headers.map(
    ({ name, numeric }) => html`<th scope="col"${numeric === true && html` class="num"`}>${name}</th>`,
  )}</tr></thead><tbody>${rows}${left > 0 && html`<tr class="more"><td colspan="${headers.length}">and ${formatCount(left)} more</td></tr>`}</tbody></table></div>`;

const num = (content: string | Html): Html => html`<td class="num">${content}</td>`;
const digest = (sha256: string): Html => html`<td><code title="${sha256}">${sha256.slice(0, DIGEST_SHOWN)}</code></td>`;
const over = (all: readonly unknown[], shown: number): number => Math.max(0, all.length - shown);

/** Sources with what was put aside, by rule, each with an example. */
export const renderSources = (sources: ReportData['sources'], limits: Limits): Html => {
  const rows = sources.slice(0, limits.lines).map((source) => {
    const aside = source.rows - source.good;
    return html`<tr><th scope="row">${cut(source.name, limits.text)}</th>${num(formatCount(source.rows))}${num(formatCount(source.good))}<td class="num${aside > 0 && ' aside'}">${formatCount(aside)}</td>${num(formatBytes(source.bytes))}${digest(source.sha256)}</tr>`;
  });
  const rules = sources.flatMap(({ name, quarantine }) => quarantine.map((rule) => ({ source: name, ...rule })));
  // The rules that cost most rows come first; a stable sort keeps the order of the sources otherwise.
  const ruleRows = [...rules]
    .sort((a, b) => b.rows - a.rows)
    .slice(0, limits.lines)
    .map(
      ({ source, rule, rows: n, example }) =>
        html`<tr><th scope="row">${cut(source, limits.text)}</th><td>${cut(rule, limits.text)}</td>${num(formatCount(n))}<td class="wide">${example === undefined ? NONE : html`<span class="muted">row ${formatCount(example.row)}:</span> ${cut(example.reason, 2 * limits.text)}`}</td></tr>`,
    );
  const headers = ['source', 'rows', 'good', 'quarantined', 'size', 'sha256'];
  return html`<section id="sources"><h2>Sources</h2>${tableOf(
    html`What was read. Every row is either good or in <code>quarantine.parquet</code>, with rule and reason.`,
    headers.map((name, i) => ({ name, numeric: i > 0 && i < 5 })),
    rows,
    over(sources, limits.lines),
  )}${
    ruleRows.length > 0 &&
    tableOf(
      html`Quarantined rows by rule, with an example of each.`,
      [{ name: 'source' }, { name: 'rule' }, { name: 'rows', numeric: true }, { name: 'example' }],
      ruleRows,
      over(rules, limits.lines),
    )
  }</section>`;
};

type Type = ReportTable['columns'][number]['type'];

const cellText = (value: Cell, type: Type, decimals: number, limits: Limits): string => {
  if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return NONE;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return cut(value, limits.text);
  if (type === 'integer') return formatCount(value);
  if (type === 'share') return formatShare(value);
  return type === 'number' ? formatNumber(value, decimals) : String(value);
};

const isNumeric = (type: Type): boolean => type === 'integer' || type === 'number' || type === 'share';

const renderTop = ({ name, title, rows, columns, top }: ReportTable, limits: Limits): Html => {
  const shown = columns.slice(0, limits.columns);
  const list = top.slice(0, limits.top);
  const decimals = shown.map((_, i) =>
    columnDecimals(list.map((row) => (typeof row[i] === 'number' ? (row[i] as number) : null))),
  );
  const body = list.map(
    (row) =>
      html`<tr>${shown.map(({ type }, i) => {
        const text = cellText(row[i] ?? null, type, decimals[i] ?? 0, limits);
        return isNumeric(type) ? num(text) : html`<td>${text}</td>`;
      })}</tr>`,
  );
  const left = over(columns, limits.columns);
  const caption = html`${list.length < rows ? html`The first ${formatCount(list.length)} of ${formatCount(rows)} rows` : html`All ${formatCount(rows)} rows`}${left > 0 && html`, ${formatCount(shown.length)} of ${formatCount(columns.length)} columns`}.`;
  const heading = title ?? name;
  return html`<section class="output"><h3>${cut(heading, 2 * limits.text)}${title !== undefined && html` <code>${cut(name, limits.text)}</code>`}</h3>${tableOf(
    caption,
    shown.map((column) => ({ name: cut(column.name, limits.text), numeric: isNumeric(column.type) })),
    body,
  )}</section>`;
};

/** The first rows of each output. */
export const renderTops = (tables: ReportData['tables'], limits: Limits): Html => {
  const shown = tables.slice(0, limits.lines);
  const left = over(tables, limits.lines);
  return html`<section id="results"><h2>Results</h2>${shown.map((table) => renderTop(table, limits))}${left > 0 && html`<p class="muted">and ${formatCount(left)} more outputs</p>`}</section>`;
};

/** Files of the snapshot. */
export const renderOutputs = (outputs: ReportData['outputs'], limits: Limits): Html =>
  html`<section id="outputs"><h2>Outputs</h2>${tableOf(
    html`Files of this snapshot, as <code>manifest.json</code> names them.`,
    ['file', 'rows', 'size', 'sha256'].map((name, i) => ({ name, numeric: i === 1 || i === 2 })),
    outputs
      .slice(0, limits.lines)
      .map(
        ({ name, rows, bytes, sha256 }) =>
          html`<tr><th scope="row">${cut(name, limits.text)}</th>${num(formatCount(rows))}${num(formatBytes(bytes))}${digest(sha256)}</tr>`,
      ),
    over(outputs, limits.lines),
  )}</section>`;

/** Stages with their durations (volatile) and how many steps were taken over from an earlier run. */
export const renderStages = (stages: ReportData['stages'], limits: Limits): Html =>
  html`<section id="stages"><h2>Stages</h2>${tableOf(
    html`Where the time went. A reused step had the same inputs, code and parameters before.`,
    ['stage', 'rows in', 'rows out', 'steps', 'reused', 'time'].map((name, i) => ({ name, numeric: i > 0 })),
    stages
      .slice(0, limits.lines)
      .map(
        ({ name, seconds, steps, reused, rowsIn, rowsOut }) =>
          html`<tr><th scope="row">${cut(name, limits.text)}</th>${num(formatCount(rowsIn))}${num(formatCount(rowsOut))}${num(formatCount(steps))}${num(volatile(formatCount(reused)))}${num(volatile(formatSeconds(seconds)))}</tr>`,
      ),
    over(stages, limits.lines),
  )}</section>`;

/** The parameters that the run was frozen with. */
export const renderParameters = (parameters: ReportData['parameters'], limits: Limits): Html =>
  html`<section id="parameters"><h2>Parameters</h2>${tableOf(
    html`As the run was frozen with them.`,
    [{ name: 'parameter' }, { name: 'value' }],
    parameters
      .slice(0, limits.lines)
      .map(
        ({ name, value }) =>
          html`<tr><th scope="row">${cut(name, limits.text)}</th><td><code>${cut(value === null ? 'null' : String(value), 2 * limits.text)}</code></td></tr>`,
      ),
    over(parameters, limits.lines),
  )}</section>`;
