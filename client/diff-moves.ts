import type { Pipeline } from '../config/definition/pipeline.js';
import { fetchBytes } from '../lake/artifacts.js';
import { type AlignedRows, readAligned, valueAt } from '../lake/diff-features.js';
import type { RowDiff, Value } from '../lake/diff-rows.js';
import type { Lake } from '../lake/lake.js';
import type { Manifest } from '../lake/manifest.js';
import type { Artifact, CallOptions } from '../lake/types.js';
import { effectsOf } from './diff-effects.js';

/** A snapshot as it is compared: what it was made by, and what it says of itself. */
export interface SnapshotSide {
  manifest: Manifest;
  /** As it was frozen into the run. */
  definition: Pipeline;
}

/** A feature of a row that differs. */
export interface FeatureMove {
  feature: string;
  before: Value;
  after: Value;
  /** How much it moved the prediction, in the prediction's unit; or else the difference in deviations of the feature. */
  effect: number;
}

export interface ExplainedRow extends RowDiff {
  /** Those whose values differ, the largest effect first. */
  features: FeatureMove[];
  /** How much another model moved the prediction; null where effects are no predictions'. */
  model: number | null;
}

/** Where the features of a table's rows are from. */
export interface Explanation {
  /** The feature table that has a row for each row of the output. */
  table: string;
  /** What effects are: differences of predictions, or of the features in their deviations. */
  unit: 'prediction' | 'deviations';
}

/**
 * Says by which features rows moved: their values in the two runs' feature tables, and what each did to the prediction.
 * That is asked of the published models themselves (`effectsOf`), where the rows are those that were predicted. For another
 * feature table with the same key it is the difference in deviations. Null where there is no such table.
 */
export async function explainRows(
  lake: Lake,
  { before, after }: { before: SnapshotSide; after: SnapshotSide },
  key: readonly string[],
  rows: readonly RowDiff[],
  options: CallOptions = {},
): Promise<{ explanation: Explanation; rows: ExplainedRow[] } | null> {
  const learned = [...new Set([before, after].flatMap(({ definition }) => definition.train?.features ?? []))];
  const table = featureTable(before, after, key);
  if (table === undefined || learned.length === 0 || rows.length === 0) return null;
  const aligned = await readAligned(lake, table, { key, columns: learned, rows }, options);
  const models = table.predicted ? [onnxOf(before.manifest), onnxOf(after.manifest)] : [];
  const [first, second] = models;
  if (first === undefined || second === undefined || hasTexts(aligned))
    return { explanation: { table: table.name, unit: 'deviations' }, rows: byDeviations(aligned, learned, rows) };
  const bytes = await fetchBytes(lake.store, first, options);
  const [earlier, later] = [
    bytes,
    first.sha256 === second.sha256 ? bytes : await fetchBytes(lake.store, second, options),
  ];
  const effects = await effectsOf(earlier, later, aligned, learned);
  return {
    explanation: { table: table.name, unit: 'prediction' },
    rows: rows.map((row, at) => {
      const told = effects[at];
      return {
        ...row,
        features: movesOf(aligned, learned, at, (f) => told?.features[f] ?? 0),
        model: told?.model ?? 0,
      };
    }),
  };
}

/** The table, of those with the output's key, whose rows were predicted, or else the first with features; in both runs. */
function featureTable(
  before: SnapshotSide,
  after: SnapshotSide,
  key: readonly string[],
): { name: string; predicted: boolean; before: Artifact; after: Artifact } | undefined {
  const { features, score } = after.definition;
  const predicted = score.predict?.table;
  const keyed = (name: string): boolean => String(features[name.replace(/@.*/, '')]?.key) === String(key);
  const uncut = Object.keys(features).filter((name) => features[name]?.cutoffs === undefined);
  for (const name of [...(predicted === undefined ? [] : [predicted]), ...uncut]) {
    const [old, now] = [madeIn(before.manifest, name), madeIn(after.manifest, name)];
    if (keyed(name) && old !== undefined && now !== undefined)
      return { name, predicted: name === predicted, before: old, after: now };
  }
  return undefined;
}

const madeIn = ({ steps }: Manifest, name: string): Artifact | undefined =>
  steps.map(({ outputs }) => outputs[name]).find((made) => made !== undefined);

const onnxOf = ({ outputs, model }: Manifest): Artifact | undefined =>
  outputs.find(({ sha256 }) => sha256 === model?.sha256);

/** Codes of texts are of one table, and no other's. */
const hasTexts = ({ before, after }: AlignedRows): boolean =>
  [before, after].some(({ columns }) => Object.entries(columns).some(([, { type }]) => type === 'text'));

function movesOf(
  { before, after }: AlignedRows,
  features: readonly string[],
  row: number,
  effectOf: (f: number, from: Value, to: Value) => number,
): FeatureMove[] {
  const moves = features.flatMap((feature, f): FeatureMove[] => {
    const [from, to] = [valueAt(before.columns[feature], row), valueAt(after.columns[feature], row)];
    return from === to ? [] : [{ feature, before: from, after: to, effect: effectOf(f, from, to) }];
  });
  return moves.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
}

/** A value that came or went, and another text, count as one deviation. */
const byDeviations = (aligned: AlignedRows, features: readonly string[], rows: readonly RowDiff[]): ExplainedRow[] =>
  rows.map((row, at) => ({
    ...row,
    features: movesOf(aligned, features, at, (f, from, to) => {
      const deviation = aligned.deviation[features[f] as string] ?? 0;
      if (typeof from !== 'number' || typeof to !== 'number') return 1;
      return deviation > 0 ? (to - from) / deviation : to - from;
    }),
    model: null,
  }));
