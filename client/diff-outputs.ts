import type { Pipeline } from '../config/definition/pipeline.js';
import { codeOf, GeorefreshError } from '../config/errors.js';
import { diffTables, type TableDiff } from '../lake/diff.js';
import type { RowDiff } from '../lake/diff-rows.js';
import type { Lake } from '../lake/lake.js';
import type { Manifest } from '../lake/manifest.js';
import type { CallOptions } from '../lake/types.js';
import { type ExplainedRow, type Explanation, explainRows, type SnapshotSide } from './diff-moves.js';

type Output = Manifest['outputs'][number];

/** How a published table differs. */
export interface OutputDiff {
  /** As the definition calls it. */
  name: string;
  /** `added` and `gone`: of one snapshot only. `unkeyed`: it cannot be told which row is which. */
  state: 'equal' | 'changed' | 'added' | 'gone' | 'unkeyed';
  /** Rows of each snapshot's table; null where it has none. */
  rows: { before: number | null; after: number | null };
  /** Null where the tables were not compared row by row, as there was no need or no way to. */
  diff: (Omit<TableDiff, 'differing'> & { differing: (RowDiff | ExplainedRow)[] }) | null;
  /** Where the features of its rows are from; null where nothing tells them. */
  explanation: Explanation | null;
  /** Why something is left out. */
  note: string | null;
}

export interface OutputsRequest extends CallOptions {
  outputs?: readonly string[];
  key?: readonly string[];
  top: number;
  within?: number;
}

type Sides = Record<'before' | 'after', SnapshotSide>;

/** Compares the tables of two snapshots, in the order in which they were published. */
export async function compareTables(lake: Lake, sides: Sides, request: OutputsRequest): Promise<OutputDiff[]> {
  const compared: OutputDiff[] = [];
  for (const name of chosen(sides, request)) compared.push(await compareOutput(lake, sides, name, request));
  return compared;
}

/** A table's file: Parquet, or CSV where there is no other. */
const fileOf = ({ outputs }: Manifest, name: string): Output | undefined =>
  outputs.find((output) => output.name === `${name}.parquet`) ??
  outputs.find((output) => output.name === `${name}.csv`);

function chosen({ before, after }: Sides, { outputs, key }: OutputsRequest): string[] {
  const files = [after, before].flatMap(({ manifest }) => manifest.outputs.map(({ name }) => name));
  const known = [...new Set(files.flatMap((file) => /^(.+)\.(?:parquet|csv)$/.exec(file)?.[1] ?? []))];
  const unknown = outputs?.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new GeorefreshError(
      'GR-1001',
      `no table ${JSON.stringify(unknown)} was published; there are ${known.join(', ')}`,
    );
  if (outputs !== undefined) return known.filter((name) => outputs.includes(name));
  const keys = new Map(
    known.map((name) => [name, declaredKey(after.definition, name) ?? declaredKey(before.definition, name)]),
  );
  // What no definition tells of has no key: the rows put aside, which are told by their number.
  if (key === undefined) return known.filter((name) => keys.get(name) !== undefined);
  const fitting = known.filter((name) => String(keys.get(name)) === String(key));
  if (fitting.length > 0) return fitting;
  const told = [...keys].flatMap(([name, columns]) =>
    columns === undefined ? [] : [`${name} (${columns.join(', ')})`],
  );
  throw new GeorefreshError(
    'GR-1001',
    `no table has the key ${key.join(', ')}; there are ${told.join(', ')}. Name a table to compare it by another key`,
  );
}

/** The table behind an output, without its cut-off. */
function tableOf({ outputs, features, score }: Pipeline, output: string) {
  const name = outputs[output]?.table.replace(/@.*/, '') ?? '';
  return features[name] ?? score.tables[name];
}

const declaredKey = (definition: Pipeline, output: string): string[] | undefined => tableOf(definition, output)?.key;

/**
 * By what an output is ranked: the first column of its declared order, where that is not part of its key; and the
 * number behind the rank: that column if the largest comes first, else what the champion's predictions are called.
 */
function ranking(definition: Pipeline, output: string): { orderedBy?: string; score?: string } {
  const table = tableOf(definition, output);
  const [column, direction] = table?.sort?.[0]?.split(' ') ?? [];
  const score = direction === 'desc' ? column : definition.score.predict?.as;
  return {
    ...(column !== undefined && !table?.key.includes(column) && { orderedBy: column }),
    ...(score !== undefined && { score }),
  };
}

async function compareOutput(
  lake: Lake,
  sides: Sides,
  name: string,
  { key: wanted, signal, top, within }: OutputsRequest,
): Promise<OutputDiff> {
  const key = wanted ?? declaredKey(sides.after.definition, name);
  const [before, after] = [fileOf(sides.before.manifest, name), fileOf(sides.after.manifest, name)];
  const rows = { before: before?.rows ?? null, after: after?.rows ?? null };
  const told: OutputDiff = { name, state: 'equal', rows, diff: null, explanation: null, note: null };
  if (before === undefined || after === undefined) return { ...told, state: before === undefined ? 'added' : 'gone' };
  if (before.sha256 === after.sha256) return told;
  if (key === undefined) return { ...told, state: 'unkeyed', note: 'the definition names no key of it; give one' };
  const earlier = declaredKey(sides.before.definition, name);
  const diff = await diffTables(
    lake,
    { before, after },
    {
      key,
      top,
      ...ranking(sides.after.definition, name),
      ...(within !== undefined && { within }),
      ...(signal && { signal }),
    },
  ).catch((error: unknown) => {
    // That columns came and went is told, also where they are the key's.
    if (codeOf(error) === 'GR-1001' && wanted === undefined && String(earlier) !== String(key)) return undefined;
    throw error;
  });
  if (diff === undefined)
    return {
      ...told,
      state: 'unkeyed',
      note: `its key was ${earlier?.join(', ') ?? 'not told'}, and is ${key.join(', ')}`,
    };
  const { rows: counts, columns } = diff;
  const same =
    counts.added + counts.gone + counts.changed + counts.moved === 0 &&
    columns.added.length + columns.gone.length + columns.retyped.length === 0;
  const explained = await explainRows(lake, sides, key, diff.differing, { ...(signal && { signal }) }).catch(
    (error: unknown) => {
      // Tables of features go before the snapshots that were made of them.
      if (codeOf(error) !== 'GR-4004') throw error;
      return 'gone' as const;
    },
  );
  return {
    ...told,
    state: same ? 'equal' : 'changed',
    diff: { ...diff, ...(explained !== null && explained !== 'gone' && { differing: explained.rows }) },
    explanation: explained === 'gone' ? null : (explained?.explanation ?? null),
    note: explained === 'gone' ? 'the features of these rows are no longer kept' : null,
  };
}
