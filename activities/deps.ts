import type { Logger } from 'pino';
import { GeorefreshError } from '../config/errors.js';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { fetchJson } from '../lake/artifacts.js';
import { stampOf } from '../lake/keys.js';
import type { Lake } from '../lake/lake.js';
import type { Artifact, TableRef } from '../lake/types.js';
import type { KernelPool } from './pool/index.js';
import type { FrozenDefinition } from './resolve/frozen.js';
import type { RunHeader, StepInput } from './types.js';

/** Digests of the code that makes results; equal ones mean equal code. */
export interface CodeDigests {
  /** Of modules, named from the folder above the rooms without their ending, with all that they import. */
  of(...entries: string[]): Promise<string>;
  /** Of a module elsewhere, such as a pipeline's own. */
  ofFile(path: string): Promise<string>;
  /** Of the packages, and of the platform that runs them. */
  packages(): Promise<string>;
}

/** What the steps of a worker share. */
export interface Deps {
  lake: Lake;
  pool: KernelPool;
  code: CodeDigests;
  log: Logger;
  settings: ReadonlyDeep<Pick<Settings, 'home' | 'pipelines' | 'engine' | 'retry' | 'partitions'>>;
}

/** Key prefix of what a stage leaves in the lake. */
export const prefixOf = (
  pipeline: string,
  folder: 'raw' | 'validated' | 'quarantine' | 'features' | 'models' | 'predictions' | 'state',
): string => `lake/${pipeline}/${folder}`;

/** `20260220_143022`, from the logical time: the same batch has the same id however often it is read. */
export const batchIdOf = ({ logicalTime }: Pick<RunHeader, 'logicalTime'>): string =>
  stampOf(logicalTime).replace('T', '_').replace('Z', '');

const KEPT_DEFINITIONS = 8;
const definitions = new Map<string, FrozenDefinition>();

/** The definition that a run was frozen with. */
export async function definitionOf(
  { store }: Lake,
  { definition }: Pick<StepInput, 'definition'>,
): Promise<FrozenDefinition> {
  const known = definitions.get(definition.sha256);
  if (known !== undefined) return known;
  const frozen = await fetchJson<FrozenDefinition>(store, definition);
  noteDefinition(definition, frozen);
  return frozen;
}

/** Makes a definition known to this process that is not, or not yet, kept as an artifact. */
export function noteDefinition({ sha256 }: Pick<Artifact, 'sha256'>, definition: FrozenDefinition): void {
  definitions.set(sha256, definition);
  for (const oldest of definitions.keys()) {
    if (definitions.size <= KEPT_DEFINITIONS) break;
    definitions.delete(oldest);
  }
}

/** An input of a step by name; that it is missing is a fault of the plan. */
export function tableOf({ tables, step }: StepInput, name: string): TableRef {
  const table = tables[name];
  if (table === undefined) throw new GeorefreshError('GR-3009', `${step.id} was not given the table ${name}`);
  return table;
}

export function artifactOf({ artifacts, step }: StepInput, name: string): Artifact {
  const artifact = artifacts[name];
  if (artifact === undefined) throw new GeorefreshError('GR-3009', `${step.id} was not given the artifact ${name}`);
  return artifact;
}

/** The name behind the stage in a step's id. */
export const nameOf = ({ step }: StepInput): string => step.id.slice(step.stage.length + 1);
