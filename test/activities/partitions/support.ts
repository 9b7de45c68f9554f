import { onTestFinished } from 'vitest';
import type { StepRecord } from '../../../activities/types.js';
import { fetchBytes } from '../../../lake/artifacts.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { type Bench, openBench, type Ran, runPlan } from '../../support/run-plan.js';
import { type SmallDefinition, type SmallPipeline, writeSmallPipeline } from '../../support/small-pipeline.js';

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
