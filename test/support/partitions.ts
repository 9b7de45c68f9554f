import { onTestFinished } from 'vitest';
import type { StepRecord } from '../../activities/types.js';
import { fetchBytes } from '../../lake/artifacts.js';
import { withTables } from '../../lake/tables.js';
import { temporaryFolder, temporaryHome } from './home.js';
import { type Bench, openBench, type Ran, runPlan } from './run-plan.js';
import { type SmallDefinition, type SmallPipeline, writeSmallPipeline } from './small-pipeline.js';

export interface Setting {
  small: SmallPipeline;
  bench: Bench;
  refresh(changes?: Partial<Parameters<typeof runPlan>[1]>): Promise<Ran>;
}

export type Change = (definition: SmallDefinition) => void;

/** Makes the features and the predictions of the small pipeline in partitions. */
export const inPartitionsBy =
  (by: string): Change =>
  ({ features, score }) => {
    Object.assign(features.known ?? {}, { partition: by });
    Object.assign(score.predict, { partition: by });
  };

export async function smallSetting(change: Change, files: Record<string, string> = {}): Promise<Setting> {
  const small = await writeSmallPipeline(await temporaryFolder(), { change, files });
  const bench = await openBench({ home: await temporaryHome(), pipelines: [small.pipelines] });
  onTestFinished(() => bench.close());
  const refresh: Setting['refresh'] = (changes = {}) =>
    runPlan(bench, { pipeline: small.name, inputs: small.inputs, ...changes });
  return { small, bench, refresh };
}

export const recordOf = ({ records }: Pick<Ran, 'records'>, id: string): StepRecord => {
  const record = records.find((one) => one.id === id);
  if (record === undefined) throw new Error(`${id} did not end`);
  return record;
};

export interface KeptPart {
  name: string;
  uri: string;
  sha256: string;
  rows: number;
}

/** The partitions of a step by name. */
export async function partsOf({ lake }: Pick<Bench, 'lake'>, ran: Ran, id: string): Promise<Map<string, KeptPart>> {
  const artifact = Object.values(recordOf(ran, id).artifacts)[0];
  if (artifact === undefined) throw new Error(`${id} has no partitions`);
  const parts = JSON.parse(Buffer.from(await fetchBytes(lake.store, artifact)).toString('utf8')) as KeptPart[];
  return new Map(parts.map((part) => [part.name, part]));
}

/** Names of the partitions that a step made anew. */
export const madeOf = ({ made }: Pick<Ran, 'made'>, id: string): string[] => [...(made.get(id) ?? [])].sort();

/** Rows of a step's table as one text for each value of a column. */
export async function rowsBy(
  { lake }: Pick<Bench, 'lake'>,
  ran: Pick<Ran, 'records'>,
  id: string,
  by: string,
  key: string,
): Promise<Map<string, string>> {
  const ref = Object.values(recordOf(ran, id).tables)[0];
  if (ref === undefined) throw new Error(`${id} left no table`);
  const { columns } = await lake.duckdb.session((session) =>
    withTables(lake, session, { t: ref }, () =>
      session.readColumns(
        `select ${by} as name, string_agg(cast(t as varchar), ';' order by ${key}) as rows from t group by all order by all`,
      ),
    ),
  );
  const [names = [], rows = []] = [columns.name, columns.rows].map((column) => {
    if (column?.type !== 'text') throw new TypeError('expected texts');
    return Array.from(column.codes, (code) => column.dictionary[code] ?? '');
  });
  return new Map(names.map((name, i) => [name, rows[i] ?? '']));
}
