import type { Metric } from '../../config/definition/model.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Scale } from './learner.js';
import { type LiftPoint, liftCurve } from './lift.js';
import { type Contender, type Metrics, measure } from './measure.js';
import { judge, metricOf } from './metrics.js';

export interface EvaluateInput {
  target: Float64Array;
  /** Order of rows with equal predictions, see `tieOrder`. */
  ties: Uint32Array;
  models: Record<string, Contender>;
  baselines: Record<string, Contender>;
  metrics: Record<string, Metric>;
  /** Columns of the rows that metrics read. */
  columns?: Record<string, Float64Array>;
  /** Name of the metric that decides, and which way. */
  judge: { metric: string; better: 'higher' | 'lower' };
  /** Scale that a champion's predictions must have for the use they are put to; by default they may be summed. */
  scale?: Scale;
}

/** The content of metrics.json. Keys are in ascending order. */
export interface MetricsTable {
  champion: string;
  models: Record<string, Metrics>;
  baselines: Record<string, Metrics>;
}

/** What metrics.json holds: without a champion where nothing is trained. */
export type PublishedMetrics = Omit<MetricsTable, 'champion'> & { champion: string | null };

/** A metric on which a baseline is better than the champion. */
export interface Loss {
  metric: string;
  baseline: string;
  champion: number;
  value: number;
}

export interface Evaluation {
  table: MetricsTable;
  /** In order of the metric's name, the judging one first. */
  losses: Loss[];
  /** Whether a baseline beats the champion on the judging metric. */
  beaten: boolean;
  /** What that means, for people. */
  verdict: string;
  /** Share of rows taken from the top against share of the target found, of each model and baseline. */
  lift: Record<string, LiftPoint[]>;
}

/**
 * Judges models and baselines on the same rows. The champion is the best model by the judging metric among those on the
 * asked scale, ties by name. Throws GR-3002 where there is no such model.
 */
export function evaluate(input: EvaluateInput): Evaluation {
  const { metrics } = input;
  const models = judgeAll(input, input.models);
  const baselines = judgeAll(input, input.baselines);
  const table: MetricsTable = {
    champion: championOf(
      input,
      mapValues(models, (one) => one.metrics),
    ),
    models: mapValues(models, (one) => one.metrics),
    baselines: mapValues(baselines, (one) => one.metrics),
  };
  const losses = lossesOf(table, metrics, input.judge);
  return {
    table,
    losses,
    beaten: losses.some(({ metric }) => metric === input.judge.metric),
    verdict: verdictOf(table, losses, input.judge.metric),
    lift: ranks(metrics)
      ? {
          ...mapValues(models, (one) => liftCurve(one.judged)),
          ...mapValues(baselines, (one) => liftCurve(one.judged)),
        }
      : {},
  };
}

/** Adds the models of another evaluation under `<model>_<name>`; its baselines too where they saw other rows. */
export function withEvaluation(
  table: MetricsTable,
  name: string,
  other: Pick<MetricsTable, 'models'> & Partial<MetricsTable>,
): MetricsTable {
  const suffixed = (metrics: Record<string, Metrics> = {}) =>
    Object.fromEntries(Object.entries(metrics).map(([key, value]) => [`${key}_${name}`, value]));
  return {
    champion: table.champion,
    models: sorted({ ...table.models, ...suffixed(other.models) }),
    baselines: sorted({ ...table.baselines, ...suffixed(other.baselines) }),
  };
}

/** Whether some metric asks for an order of rows; where none does, a lift curve says nothing. */
const ranks = (metrics: Record<string, Metric>): boolean =>
  Object.values(metrics).some((metric) => !metricOf(metric).readsSize);

function judgeAll({ target, ties, metrics, columns }: EvaluateInput, contenders: Record<string, Contender>) {
  return sorted(
    mapValues(contenders, ({ prediction, scale }) => {
      const judged = judge(target, prediction, ties, columns);
      return { judged, metrics: measure(judged, scale, metrics) };
    }),
  );
}

function championOf(input: EvaluateInput, models: Record<string, Metrics>): string {
  const { metric, better } = input.judge;
  const scale = input.scale ?? 'count';
  const sign = better === 'higher' ? 1 : -1;
  let champion: { name: string; value: number } | undefined;
  for (const [name, metrics] of Object.entries(models)) {
    const value = metrics[metric] ?? null;
    if (value === null || input.models[name]?.scale !== scale) continue;
    if (champion === undefined || sign * value > sign * champion.value) champion = { name, value };
  }
  if (champion !== undefined) return champion.name;
  throw new GeorefreshError(
    'GR-3002',
    `no model on the scale of a ${scale} has a defined ${metric}, so none can be champion`,
  );
}

function lossesOf(
  { champion, models, baselines }: MetricsTable,
  metrics: Record<string, Metric>,
  { metric: judging, better }: EvaluateInput['judge'],
): Loss[] {
  const losses: Loss[] = [];
  for (const name of Object.keys(metrics).sort(
    (a, b) => Number(b === judging) - Number(a === judging) || (a < b ? -1 : 1),
  )) {
    const higher = (name === judging ? better : metricOf(metrics[name] as Metric).better) === 'higher';
    const own = models[champion]?.[name] ?? null;
    if (own === null) continue;
    for (const [baseline, theirs] of Object.entries(baselines)) {
      const value = theirs[name] ?? null;
      if (value !== null && (higher ? value > own : value < own))
        losses.push({ metric: name, baseline, champion: own, value });
    }
  }
  return losses;
}

/** Four significant digits, for sentences only. */
const short = (value: number) => Number(value.toPrecision(4)).toString();

function verdictOf({ champion, models, baselines }: MetricsTable, losses: Loss[], judging: string): string {
  const own = `${champion} (${judging} ${short(models[champion]?.[judging] as number)})`;
  const list = (some: Loss[]) =>
    some
      .map(
        ({ metric, baseline, value, champion: mine }) =>
          `${baseline} on ${metric} (${short(value)} against ${short(mine)})`,
      )
      .join('; ');
  const lost = losses.filter(({ metric }) => metric === judging);
  const other = losses.filter(({ metric }) => metric !== judging);
  if (Object.keys(baselines).length === 0) return `${own} was compared with no baseline.`;
  const first =
    lost.length === 0 ? `${own} is at least as good as every baseline.` : `${own} LOSES to a baseline: ${list(lost)}.`;
  return other.length === 0 ? first : `${first} Where else a baseline is better: ${list(other)}.`;
}

const sorted = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

const mapValues = <T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
