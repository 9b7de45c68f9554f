import { renderBars, renderLift, type SeriesKind } from './charts.js';
import { columnDecimals, formatNumber, formatShare } from './format.js';
import { cut, type Html, html } from './html.js';
import type { ReportMetrics } from './report-data.js';

/** Series drawn beside the champion: more would hide each other. */
const MAX_DRAWN = 3;
const MAX_CONTENDERS = 40;
const MAX_METRICS = 12;
const MAX_FEATURES = 20;
const MAX_TEXT = 80;

interface Contender {
  name: string;
  kind: SeriesKind;
  values: Record<string, number | null>;
}

/** Champion first, then the other models, then the baselines; each best first by the judging metric, ties by name. */
export const contendersOf = ({ table, judge, better }: ReportMetrics): Contender[] => {
  const sign = better[judge] === 'lower' ? 1 : -1;
  const ordered = (some: Record<string, Record<string, number | null>>, kind: SeriesKind): Contender[] =>
    Object.entries(some)
      .map(([name, values]) => ({
        name,
        values,
        kind: kind === 'model' && name === table.champion ? 'champion' : kind,
      }))
      .sort((a, b) => {
        const [x, y] = [a.values[judge] ?? null, b.values[judge] ?? null];
        if (x === null || y === null) return Number(x === null) - Number(y === null) || (a.name < b.name ? -1 : 1);
        return sign * (x - y) || (a.name < b.name ? -1 : 1);
      });
  const models = ordered(table.models, 'model').sort(
    (a, b) => Number(b.kind === 'champion') - Number(a.kind === 'champion'),
  );
  return [...models, ...ordered(table.baselines, 'baseline')];
};

const metricNames = (contenders: readonly Contender[], judge: string): string[] => {
  const names = new Set(contenders.flatMap(({ values }) => Object.keys(values)));
  names.delete(judge);
  return [judge, ...[...names].sort()];
};

const isBetter = (a: number, b: number, better: string | undefined): boolean => (better === 'lower' ? a < b : a > b);

const bestOf = (
  contenders: readonly Contender[],
  metric: string,
  better: string | undefined,
): Contender | undefined => {
  let best: { contender: Contender; value: number } | undefined;
  for (const contender of contenders) {
    const value = contender.values[metric] ?? null;
    if (value !== null && (best === undefined || isBetter(value, best.value, better))) best = { contender, value };
  }
  return best?.contender;
};

const rivalIn = (
  values: Record<string, number | null>,
  baselines: readonly Contender[],
  better: string | undefined,
): { name: string; value: number } | undefined => {
  const measured = baselines.map(({ name, kind }) => ({ name, kind, values: { value: values[name] ?? null } }));
  const best = bestOf(measured, 'value', better);
  const value = best?.values.value ?? null;
  return best === undefined || value === null ? undefined : { name: best.name, value };
};

export interface Verdict {
  /** Whether a baseline beats the champion, or equals it, by the judging metric: then the model earns nothing. */
  beaten: boolean;
  sentences: string[];
}

/** In plain words: does the champion earn its place, and where does a baseline do better? */
export const verdictOf = (metrics: ReportMetrics): Verdict => {
  const { table, judge, better } = metrics;
  const contenders = contendersOf(metrics);
  const champion = contenders.find(({ kind }) => kind === 'champion');
  const baselines = contenders.filter(({ kind }) => kind === 'baseline');
  if (champion === undefined) return { beaten: false, sentences: [`The champion ${table.champion} was not measured.`] };
  const own = champion.values[judge] ?? null;
  const rival = bestOf(baselines, judge, better[judge]);
  const theirs = rival?.values[judge] ?? null;
  if (own === null) return { beaten: false, sentences: [`${judge} is not defined for the champion ${champion.name}.`] };
  if (rival === undefined || theirs === null) {
    return { beaten: false, sentences: [`The champion ${champion.name} was compared with no baseline.`] };
  }
  const [mine, other] = [formatNumber(own), formatNumber(theirs)];
  const beaten = !isBetter(own, theirs, better[judge]);
  const margin =
    theirs === 0
      ? ''
      : `, ${formatShare(Math.abs(own - theirs) / Math.abs(theirs))} ${own > theirs ? 'higher' : 'lower'}`;
  const first =
    own === theirs
      ? `The champion ${champion.name} is no better than the baseline ${rival.name}: both have ${judge} ${mine}.`
      : beaten
        ? `The champion ${champion.name} loses to the baseline ${rival.name}: ${judge} ${mine} against ${other}. Ranking by the baseline would serve better.`
        : `The champion ${champion.name} beats the best baseline, ${rival.name}: ${judge} ${mine} against ${other}${margin}.`;
  const elsewhere = metricNames(contenders, judge).flatMap((metric) => {
    const best = metric === judge ? undefined : bestOf(baselines, metric, better[metric]);
    const [a, b] = [champion.values[metric] ?? null, best?.values[metric] ?? null];
    if (best === undefined || a === null || b === null || !isBetter(b, a, better[metric])) return [];
    return [`By ${metric} the baseline ${best.name} is better: ${formatNumber(b)} against ${formatNumber(a)}.`];
  });
  const otherwise = metrics.evaluations.flatMap(({ title, values }) => {
    const a = values[champion.name] ?? null;
    const best = title === metrics.evaluation || a === null ? undefined : rivalIn(values, baselines, better[judge]);
    if (a === null || best === undefined || !isBetter(best.value, a, better[judge])) return [];
    return [
      `Measured by “${title}” the baseline ${best.name} is better: ${judge} ${formatNumber(best.value)} against ${formatNumber(a)}.`,
    ];
  });
  return { beaten, sentences: [first, ...otherwise, ...elsewhere] };
};

const metricsTable = (metrics: ReportMetrics): Html => {
  const { judge, better, meanings = {}, evaluation } = metrics;
  const contenders = contendersOf(metrics);
  const shown = contenders.slice(0, MAX_CONTENDERS);
  const names = metricNames(contenders, judge).slice(0, MAX_METRICS);
  const decimals = names.map((name) => columnDecimals(contenders.map(({ values }) => values[name])));
  const best = names.map((name) => bestOf(contenders, name, better[name])?.values[name]);
  const left = contenders.length - shown.length;
  const head = names.map(
    (
      name,
    ) => html`<th scope="col" class="num">${cut(name, MAX_TEXT)}${name === judge && html` <span class="judge">judge</span>`}
<small>${meanings[name] !== undefined && html`${cut(meanings[name], MAX_TEXT)}, `}${better[name] ?? 'higher'} is better</small></th>`,
  );
  const body = shown.map(({ name, kind, values }) => {
    const cells = names.map((metric, i) => {
      const value = values[metric] ?? null;
      const text = formatNumber(value, decimals[i]);
      return html`<td class="num">${value !== null && value === best[i] ? html`<strong>${text}</strong>` : text}</td>`;
    });
    return html`<tr class="${kind}"><th scope="row">${cut(name, MAX_TEXT)}</th><td><span class="role ${kind}">${kind}</span></td>${cells}</tr>
`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Models and baselines"><table>
<caption>Models and baselines on the same rows: ${cut(evaluation, MAX_TEXT)}. The best of each column is bold;
<span class="judge">judge</span> marks the metric that chose the champion.${left > 0 && ` ${left} more are in metrics.json.`}</caption>
<thead><tr><th scope="col">name</th><th scope="col">role</th>${head}</tr></thead>
<tbody>
${body}</tbody></table></div>`;
};

const charts = (metrics: ReportMetrics): Html => {
  const { judge, better, evaluations, lift } = metrics;
  const contenders = contendersOf(metrics);
  const few = (kind: SeriesKind): Contender[] => contenders.filter((one) => one.kind === kind).slice(0, MAX_DRAWN);
  const drawn = [...few('champion'), ...few('model'), ...few('baseline')];
  const curves = drawn.flatMap(({ name, kind }) => {
    const points = lift?.curves[name];
    return points === undefined || points.length === 0 ? [] : [{ name, kind, points }];
  });
  const groups = evaluations.slice(0, 6).flatMap(({ title, values }) => {
    const bars = drawn.flatMap(({ name, kind }) => {
      const value = values[name] ?? null;
      return value === null || !Number.isFinite(value) ? [] : [{ name, kind, value }];
    });
    return bars.length === 0 ? [] : [{ title, bars }];
  });
  if (curves.length === 0 && groups.length === 0) return html``;
  const direction = better[judge] ?? 'higher';
  const liftFigure =
    lift !== undefined &&
    curves.length > 0 &&
    html`<figure><figcaption>Lift curve<small>${cut(lift.gain, MAX_TEXT)} found among the top ${cut(lift.rows, MAX_TEXT)}</small></figcaption>
${renderLift({ ...lift, curves })}</figure>`;
  const barsFigure =
    groups.length > 0 &&
    html`<figure><figcaption>${cut(judge, MAX_TEXT)} by way of evaluation<small>${direction} is better</small></figcaption>
${renderBars({ metric: judge, better: direction, groups })}</figure>`;
  return html`<div class="pair">${liftFigure}${barsFigure}</div>`;
};

const importanceTable = ({ importance, judge, table }: ReportMetrics): Html => {
  if (importance === undefined || importance.features.length === 0) return html``;
  const { rows, features } = importance;
  const shown = features.slice(0, MAX_FEATURES);
  const body = shown.map(
    ({ name, share, loss }) => html`<tr><th scope="row">${cut(name, MAX_TEXT)}</th>
<td class="num">${formatNumber(loss, 4)}</td><td class="num">${formatShare(share)}</td></tr>
`,
  );
  const left = features.length - shown.length;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Importance of features"><table>
<caption>What ${cut(table.champion, MAX_TEXT)} leans on: what ${cut(judge, MAX_TEXT)} loses when a feature's values are shuffled among
${formatNumber(rows)} held-out rows, and its share of the gain of all splits, or of all standardised slopes.${left > 0 && ` ${left} more matter less.`}</caption>
<thead><tr><th scope="col">feature</th><th scope="col" class="num">loss when shuffled</th><th scope="col" class="num">share</th></tr></thead>
<tbody>
${body}</tbody></table></div>`;
};

/** The section on the model: verdict in words, table, lift curve, bars by way of evaluation. */
export const renderMetrics = (metrics: ReportMetrics): Html => {
  const { beaten, sentences } = verdictOf(metrics);
  const [first = '', ...others] = sentences;
  const list = others.slice(0, MAX_METRICS).map((text) => html`<li>${cut(text, 5 * MAX_TEXT)}</li>`);
  return html`<section id="model"><h2>Model</h2>
<p class="verdict${beaten && ' warn'}">${cut(first, 5 * MAX_TEXT)}</p>
${list.length > 0 && html`<ul class="notes">${list}</ul>`}
${metricsTable(metrics)}
${charts(metrics)}
${importanceTable(metrics)}</section>`;
};
