import { formatCount, formatNumber, NONE } from '../../activities/publish/format.js';
import type { OutputDiff } from '../diff-outputs.js';
import type { DiffSide, SnapshotDiff } from '../diffs.js';
import { formatTime, type Paint, table } from './text.js';

const ARROW = '→';
/** Features that a line has room for, and columns. */
const MOST_REASONS = 3;
const MOST_COLUMNS = 8;

type Value = string | number | boolean | null;

const cell = (value: Value): string =>
  typeof value === 'number' ? formatNumber(value) : value === null ? NONE : String(value);
/** Figures that read the same to four digits are told by their difference. */
const change = (before: Value, after: Value): string => {
  const [from, to] = [cell(before), cell(after)];
  if (before === after) return to;
  if (from === to && typeof before === 'number' && typeof after === 'number')
    return `${to} (${signed(after - before)})`;
  return `${from} ${ARROW} ${to}`;
};
const signed = (value: number): string => `${value > 0 ? '+' : ''}${formatNumber(value)}`;

/** A difference of two snapshots for people. */
export function diffText(diff: SnapshotDiff, paint: Paint): string {
  return [
    `${paint.bold(diff.pipeline)}  ${sideText(diff.before)} ${ARROW} ${sideText(diff.after)}`,
    ...facts(diff).map(([name, text]) => `  ${paint.dim(name.padEnd(11))} ${text}`),
    ...metricsText(diff, paint),
    ...diff.tables.flatMap((one) => ['', ...tableText(one, paint)]),
    ...(diff.equal ? ['', 'no table differs'] : []),
  ].join('\n');
}

const sideText = ({ generation, logicalTime, sample }: DiffSide): string =>
  `generation ${generation} (${formatTime(logicalTime)}${sample ? ', sample' : ''})`;

function facts(diff: SnapshotDiff): [string, string][] {
  const { before, after } = diff;
  const model = ({ champion, modelVersion }: DiffSide): string =>
    champion === null ? NONE : `${champion}${modelVersion === null ? '' : ` ${modelVersion}`}`;
  return [
    ...(before.champion === null && after.champion === null
      ? []
      : [['model', change(model(before), model(after))] as [string, string]]),
    ...diff.sources.map(({ name, before: from, after: to }): [string, string] => [
      'source',
      from === null
        ? `${name} added, ${formatCount(to?.rows)} rows`
        : to === null
          ? `${name} gone`
          : `${name} changed, ${change(from.rows, to.rows)} rows`,
    ]),
    ...diff.parameters.map(({ name, before: from, after: to }): [string, string] => [
      'parameter',
      `${name} ${JSON.stringify(from)} ${ARROW} ${JSON.stringify(to)}`,
    ]),
    ...(diff.definitionChanged && diff.parameters.length === 0 ? [['definition', 'changed'] as [string, string]] : []),
    ...diff.quarantine.map(({ rule, before: from, after: to }): [string, string] => [
      'quarantine',
      `${rule}: ${change(from, to)}`,
    ]),
  ];
}

/** A line a model, its figures beside each other. */
function metricsText({ metrics }: SnapshotDiff, paint: Paint): string[] {
  if (metrics.length === 0) return [];
  const names = [...new Set(metrics.map(({ metric }) => metric))];
  const rows = [...new Set(metrics.map(({ model }) => model))].map((model) => [
    model,
    ...names.map((name) => {
      const found = metrics.find((one) => one.model === model && one.metric === name);
      return found === undefined ? '' : change(found.before, found.after);
    }),
  ]);
  return ['', table(['METRICS', ...names], rows, paint)];
}

const STATES = {
  equal: 'the same',
  added: 'is new',
  gone: 'is gone',
  unkeyed: 'differs',
  changed: '',
} as const satisfies Record<OutputDiff['state'], string>;

function tableText({ name, state, rows, diff, explanation, note }: OutputDiff, paint: Paint): string[] {
  const head = `${paint.bold(name)}  ${change(rows.before, rows.after)} rows`;
  const noted = note === null ? [] : [`  ${paint.yellow('!')} ${note}`];
  if (diff === null || state === 'equal') return [`${head}  ${STATES[state]}`, ...noted];
  const { added, gone, changed, moved } = diff.rows;
  const counts = [
    added > 0 ? paint.green(`+${formatCount(added)} added`) : '',
    gone > 0 ? paint.red(`−${formatCount(gone)} gone`) : '',
    changed > 0 ? `${formatCount(changed)} changed` : '',
    moved > 0 ? `${formatCount(moved)} moved in rank` : '',
  ].filter((text) => text !== '');
  const { columns } = diff;
  const changes = [...diff.changed].sort((a, b) => b.rows - a.rows);
  const more = changes.length - MOST_COLUMNS;
  const columnChanges = [
    ...columns.added.map((column) => paint.green(`+${column}`)),
    ...columns.gone.map((column) => paint.red(`−${column}`)),
    ...columns.retyped.map(({ column, before, after }) => `${column} ${before} ${ARROW} ${after}`),
    ...changes.slice(0, MOST_COLUMNS).map(({ column, rows: count }) => `${column} ${formatCount(count)}`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
  return [
    `${head}  ${counts.join('  ') || 'no row differs'}`,
    ...(columnChanges.length > 0 ? [`  ${paint.dim('columns')} ${columnChanges.join(' · ')}`] : []),
    ...noted,
    ...rowsText(diff, explanation?.unit === 'deviations' ? ' σ' : '', paint),
  ];
}

type Diff = NonNullable<OutputDiff['diff']>;
type Row = Diff['differing'][number];

/** Rows one by one: those that differ, then those that are new, then those that are gone. */
function rowsText({ key, ranked, score, added, gone, differing }: Diff, unit: string, paint: Paint): string[] {
  const all = [...differing, ...added, ...gone];
  if (all.length === 0) return [];
  const scored = score === null ? [] : [score];
  const lines = all.map((row) => {
    const { before, after } = row;
    const mark = before === null ? paint.green('+') : after === null ? paint.red('−') : ' ';
    const standing = (name: 'rank' | 'score'): string =>
      before === null
        ? cell(after?.[name] ?? null)
        : after === null
          ? cell(before[name])
          : change(before[name], after[name]);
    const named = key.map((column) => cellOfKey(row.key[column] ?? null));
    return [
      mark,
      ...named,
      ...(ranked ? [standing('rank')] : []),
      ...scored.map(() => standing('score')),
      because(row, score, unit),
    ];
  });
  const titles = [
    '',
    ...key.map((column) => column.toUpperCase()),
    ...(ranked ? ['RANK'] : []),
    ...scored.map((name) => name.toUpperCase()),
  ];
  return [table([...titles, 'BECAUSE'], lines, paint).replace(/^/gm, '  ')];
}

/** A key is a name, also where it is a number. */
const cellOfKey = (value: Value): string => (value === null ? NONE : String(value));

/** The features that moved a row, and the model; where none are known, the columns that changed beside rank and score. */
function because(row: Row, score: string | null, unit: string): string {
  const { features, model } = 'features' in row ? row : { features: [], model: null };
  const reasons = features.map(
    ({ feature, before, after, effect }) => `${feature} ${change(before, after)} (${signed(effect)}${unit})`,
  );
  if (model !== null && model !== 0) reasons.push(`other model (${signed(model)})`);
  const [from, to] = [row.before?.rank ?? null, row.after?.rank ?? null];
  if (reasons.length === 0)
    for (const { column, before, after } of row.changes)
      if (column !== score && (from === null || before !== from || after !== to))
        reasons.push(`${column} ${change(before, after)}`);
  const more = reasons.length - MOST_REASONS;
  return [...reasons.slice(0, MOST_REASONS), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}
