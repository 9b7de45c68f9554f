import {
  columnDecimals,
  formatBytes,
  formatCount,
  formatInstant,
  formatNumber,
  formatSeconds,
  formatShare,
  NONE,
} from './format.js';
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

/** A table in a region that scrolls by itself, so that a wide one never widens the page. `label` names it to screen readers. */
const tableOf = (
  { label, caption, headers }: { label: string; caption: Html; headers: readonly Header[] },
  rows: readonly Html[],
  left = 0,
): Html => {
  const head = headers.map(
    ({ name, numeric }) => html`<th scope="col"${numeric === true && html` class="num"`}>${name}</th>`,
  );
  const more = html`<tr class="more"><td colspan="${headers.length}">and ${formatCount(left)} more</td></tr>\n`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>
<caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row}</tr>\n`)}${left > 0 && more}</tbody></table></div>`;
};

/** Headers whose columns from `first` to `last` (both included) are numbers. */
const headersOf = (names: readonly string[], first: number, last: number): Header[] =>
  names.map((name, i) => ({ name, numeric: i >= first && i <= last }));

const rowHead = (text: string, limits: Limits): Html => html`<th scope="row">${cut(text, limits.text)}</th>`;
const num = (content: string | Html): Html => html`<td class="num">${content}</td>`;
const digest = (sha256: string): Html => html`<td><code title="${sha256}">${sha256.slice(0, DIGEST_SHOWN)}</code></td>`;
const over = (all: readonly unknown[], shown: number): number => Math.max(0, all.length - shown);

type Source = ReportData['sources'][number];

const sourceRow = (source: Source, limits: Limits): Html => {
  const aside = source.rows - source.good;
  return html`${rowHead(source.name, limits)}${num(formatCount(source.rows))}${num(formatCount(source.good))}<td class="num${aside > 0 && ' aside'}">${formatCount(aside)}</td>${num(formatBytes(source.bytes))}${digest(source.sha256)}`;
};

const ruleRow = (source: string, { rule, rows, example }: Source['quarantine'][number], limits: Limits): Html => {
  const shown =
    example === undefined
      ? NONE
      : html`<span class="muted">row ${formatCount(example.row)}:</span> ${cut(example.reason, 2 * limits.text)}`;
  return html`${rowHead(source, limits)}<td>${cut(rule, limits.text)}</td>${num(formatCount(rows))}<td class="wide">${shown}</td>`;
};

const aside = (failed: number, rows: number): string => `${formatCount(failed)} of ${formatCount(rows)}`;

/** The same cells whatever earlier runs left: what these found is volatile. */
const pastRow = ({ name, rows, good, past }: Source, limits: Limits): Html => {
  const found = past.map((one) => `${aside(one.failed, one.rows)} (${formatInstant(one.logicalTime)})`);
  return html`${rowHead(name, limits)}${num(aside(rows - good, rows))}<td class="wide">${volatile(found.join(' · ') || NONE)}</td>`;
};

/** Sources with what was put aside, by rule, each with an example. */
export const renderSources = (sources: ReportData['sources'], limits: Limits): Html => {
  const files = tableOf(
    {
      label: 'Sources',
      caption: html`What was read. Every row is either good or in <code>quarantine.parquet</code>, with rule and reason.`,
      headers: headersOf(['source', 'rows', 'good', 'quarantined', 'size', 'sha256'], 1, 4),
    },
    sources.slice(0, limits.lines).map((source) => sourceRow(source, limits)),
    over(sources, limits.lines),
  );
  // The rules that cost most rows come first; a stable sort keeps the order of the sources otherwise.
  const broken = sources
    .flatMap(({ name, quarantine }) => quarantine.map((rule) => ({ name, rule })))
    .sort((a, b) => b.rule.rows - a.rule.rows);
  const rules = tableOf(
    {
      label: 'Quarantined rows by rule',
      caption: html`Quarantined rows by rule, with an example of each.`,
      headers: headersOf(['source', 'rule', 'rows', 'example'], 2, 2),
    },
    broken.slice(0, limits.lines).map(({ name, rule }) => ruleRow(name, rule, limits)),
    over(broken, limits.lines),
  );
  const quality = tableOf(
    {
      label: 'Quality over time',
      caption: html`Quality over time: rows put aside in this run, and in the published ones before it, latest first.`,
      headers: headersOf(['source', 'quarantined', 'before'], 1, 1),
    },
    sources.slice(0, limits.lines).map((source) => pastRow(source, limits)),
    over(sources, limits.lines),
  );
  return html`<section id="sources"><h2>Sources</h2>
${files}
${broken.length > 0 && rules}
${quality}</section>`;
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
  const body = list.map((row) => {
    const cells = shown.map(({ type }, i) => {
      const text = cellText(row[i] ?? null, type, decimals[i] ?? 0, limits);
      return isNumeric(type) ? num(text) : html`<td>${text}</td>`;
    });
    return html`${cells}`;
  });
  const some = list.length < rows ? `The first ${formatCount(list.length)} of` : 'All';
  const narrowed =
    shown.length < columns.length && `, ${formatCount(shown.length)} of ${formatCount(columns.length)} columns`;
  const heading = cut(title ?? name, 2 * limits.text);
  const headers = shown.map((column) => ({ name: cut(column.name, limits.text), numeric: isNumeric(column.type) }));
  return html`<section class="output"><h3>${heading}${title !== undefined && html` <code>${cut(name, limits.text)}</code>`}</h3>
${tableOf({ label: heading, caption: html`${some} ${formatCount(rows)} rows${narrowed}.`, headers }, body)}</section>
`;
};

/** The first rows of each output. */
export const renderTops = (tables: ReportData['tables'], limits: Limits): Html => {
  const left = over(tables, limits.lines);
  return html`<section id="results"><h2>Results</h2>
${tables.slice(0, limits.lines).map((table) => renderTop(table, limits))}
${left > 0 && html`<p class="muted">and ${formatCount(left)} more outputs</p>`}</section>`;
};

/** Files of the snapshot. */
export const renderOutputs = (outputs: ReportData['outputs'], limits: Limits): Html => {
  const rows = outputs
    .slice(0, limits.lines)
    .map(
      (file) =>
        html`${rowHead(file.name, limits)}${num(formatCount(file.rows))}${num(formatBytes(file.bytes))}${digest(file.sha256)}`,
    );
  const caption = html`Files of this snapshot, as <code>manifest.json</code> names them.`;
  const headers = headersOf(['file', 'rows', 'size', 'sha256'], 1, 2);
  return html`<section id="outputs"><h2>Outputs</h2>
${tableOf({ label: 'Outputs', caption, headers }, rows, over(outputs, limits.lines))}</section>`;
};

/** Stages with their durations (volatile) and how many steps were taken over from an earlier run. */
export const renderStages = (stages: ReportData['stages'], limits: Limits): Html => {
  const rows = stages
    .slice(0, limits.lines)
    .map(
      ({ name, seconds, steps, reused, rowsIn, rowsOut }) =>
        html`${rowHead(name, limits)}${num(formatCount(rowsIn))}${num(formatCount(rowsOut))}${num(formatCount(steps))}${num(volatile(formatCount(reused)))}${num(volatile(formatSeconds(seconds)))}`,
    );
  const caption = html`Where the time went. A reused step had the same inputs, code and parameters before.`;
  const headers = headersOf(['stage', 'rows in', 'rows out', 'steps', 'reused', 'time'], 1, 5);
  return html`<section id="stages"><h2>Stages</h2>
${tableOf({ label: 'Stages', caption, headers }, rows, over(stages, limits.lines))}</section>`;
};

/** What became of each step, and why: all of it volatile, as it tells what earlier runs had left. */
export const renderSteps = (steps: ReportData['steps'], limits: Limits): Html => {
  const time = (seconds: number | null): Html => volatile(seconds === null ? '–' : formatSeconds(seconds));
  const rows = steps
    .slice(0, 4 * limits.lines)
    .map(
      ({ id, what, seconds, usual }) =>
        html`${rowHead(id, limits)}<td>${volatile(what.slice(0, 2 * limits.text))}</td>${num(time(seconds))}${num(time(usual))}`,
    );
  const caption = html`Which steps were made, and what differed from the last time; the others had the same inputs, code and parameters. The usual time is the median of earlier runs.`;
  const headers = headersOf(['step', 'what became of it', 'time', 'usually'], 2, 3);
  return html`<section id="steps"><h2>Steps</h2>
${tableOf({ label: 'Steps', caption, headers }, rows, Math.max(0, steps.length - rows.length))}</section>`;
};

/** The parameters that the run was frozen with. */
export const renderParameters = (parameters: ReportData['parameters'], limits: Limits): Html => {
  const rows = parameters
    .slice(0, limits.lines)
    .map(
      ({ name, value }) => html`${rowHead(name, limits)}<td><code>${cut(String(value), 2 * limits.text)}</code></td>`,
    );
  const caption = html`As the run was frozen with them.`;
  const headers = headersOf(['parameter', 'value'], 2, 2);
  return html`<section id="parameters"><h2>Parameters</h2>
${tableOf({ label: 'Parameters', caption, headers }, rows, over(parameters, limits.lines))}</section>`;
};
