import { createRequire } from 'node:module';
import type { Manifest } from '../../lake/manifest.js';
import type { Artifact } from '../../lake/types.js';
import { batchIdOf } from '../deps.js';
import { isParts } from '../partitions/ledger.js';
import type { FrozenDefinition } from '../resolve/frozen.js';
import { rawTable } from '../resolve/plan.js';
import type { PublishedMetrics } from '../train/evaluate.js';
import { type RunHeader, type RunSummary, STAGES, type StageSummary, type StepRecord } from '../types.js';

export const REPORT = 'report.html';

/** Files of the snapshot go between steps under this name. */
export const fileKey = (name: string): string => `file:${name}`;

const requireJson = createRequire(import.meta.url);
const versionOf = (name: string): string => (requireJson(`${name}/package.json`) as { version: string }).version;

export interface ManifestInput {
  header: RunHeader;
  definition?: { ref: Artifact; frozen: FrozenDefinition };
  sample: boolean;
  steps: readonly StepRecord[];
  outcome: string;
  metrics: PublishedMetrics | null;
  error?: { code: string; message: string };
  /** Known only where everything before publishing is done. */
  publication?: string;
}

/** What a step left, by names of which no two are equal: a table may have that of the artifact that it was read from. */
const outputsOf = ({ tables, artifacts }: Pick<StepRecord, 'tables' | 'artifacts'>): [string, Artifact][] => [
  ...Object.entries(tables),
  ...Object.entries(artifacts).map(([name, ref]): [string, Artifact] => [name in tables ? `${name}.bytes` : name, ref]),
];

/** What a run read, made, measured and decided, but for what only publishing knows. */
export function manifestOf(input: ManifestInput): Omit<Manifest, 'outputs' | 'generation' | 'predecessor'> {
  const { header, definition, steps, metrics } = input;
  const ordered = inOrder(steps);
  const sum = (stage: string, rows: 'rowsIn' | 'rowsOut'): number =>
    steps.filter((step) => step.stage === stage).reduce((total, step) => total + step[rows], 0);
  // Retention counts from it: a worker whose clock is behind makes no snapshot older than its run, which the engine dates.
  const finished = Math.max(Date.now(), Date.parse(header.startedAt));
  return {
    version: 1,
    pipeline: header.pipeline,
    run: header.run,
    outcome: input.outcome,
    logicalTime: header.logicalTime,
    trigger: header.trigger,
    sample: input.sample,
    definition: definition?.ref ?? null,
    parameters: definition?.frozen.pipeline.parameters ?? {},
    sources: definition === undefined ? [] : sourcesOf(definition.frozen, header, steps),
    ...(input.publication !== undefined && { publication: input.publication }),
    steps: ordered.map(
      ({ id, stage, rowsIn, rowsOut, inputs, tables, artifacts, facts, began, ended, seconds, attempt, ...reuse }) => ({
        id,
        stage,
        rowsIn,
        rowsOut,
        inputs,
        outputs: Object.fromEntries(
          outputsOf({ tables, artifacts }).map(([name, { uri, sha256, bytes }]) => [name, { uri, sha256, bytes }]),
        ),
        facts: stage === 'publish' ? {} : facts,
        began: new Date(began).toISOString(),
        ended: new Date(ended).toISOString(),
        seconds,
        attempts: attempt,
        reused: reuse.reused,
        ...(reuse.why.length > 0 && { why: reuse.why }),
        ...(reuse.partitions !== undefined && { partitions: reuse.partitions }),
        ...(reuse.key !== undefined && { key: reuse.key }),
      }),
    ),
    quarantine: quarantineByRule(steps),
    pipelineMetrics: {
      records_in: sum('ingest', 'rowsOut'),
      records_out: sum('publish', 'rowsOut'),
      duration_seconds: Math.max(0, (finished - Date.parse(header.startedAt)) / 1000),
      errors: input.error === undefined ? 0 : 1,
    },
    metrics: metrics as Manifest['metrics'],
    champion: metrics?.champion ?? null,
    model: modelOf(steps),
    // Which tables partitions lie in tells which were made together.
    volatileOutputs: [REPORT, fileKey(REPORT), ...partLists(ordered)],
    error: input.error ?? null,
    started: header.startedAt,
    finished: new Date(finished).toISOString(),
    versions: {
      georefresh: versionOf('georefresh'),
      node: process.version,
      temporal: versionOf('@temporalio/worker'),
      duckdb: versionOf('@duckdb/node-api'),
    },
  };
}

/** Steps end in another order each time; manifests list them by stage and name. */
export const inOrder = (steps: readonly StepRecord[]): StepRecord[] =>
  [...steps].sort((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage) || (a.id < b.id ? -1 : 1));

function sourcesOf(
  { sources }: FrozenDefinition,
  header: RunHeader,
  steps: readonly StepRecord[],
): Manifest['sources'] {
  return sources.flatMap(({ name, from, path }) => {
    const step = steps.find(({ id }) => id === `ingest/${name}`);
    const bytes = step?.artifacts[rawTable(name)];
    if (step === undefined || bytes === undefined) return [];
    return [
      {
        name,
        uri: `${from}:${path}`,
        sha256: bytes.sha256,
        bytes: bytes.bytes,
        rows: step.rowsOut,
        batch: {
          batch_id: batchIdOf(header),
          source: name,
          ingestion_time: new Date(step.began).toISOString(),
          record_count: step.rowsOut,
          checksum: bytes.sha256,
        },
      },
    ];
  });
}

const partLists = (steps: readonly StepRecord[]): string[] =>
  steps.flatMap(({ artifacts }) => Object.keys(artifacts).filter(isParts));

const RULE = 'rule:';

/** Rows put aside, by `<source or table>: <rule>`. */
export function quarantineByRule(steps: readonly StepRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { id, stage, facts } of inOrder(steps))
    for (const [fact, count] of Object.entries(facts))
      if (fact.startsWith(RULE) && typeof count === 'number')
        counts[`${id.slice(stage.length + 1)}: ${fact.slice(RULE.length)}`] = count;
  return counts;
}

export function modelOf(steps: readonly StepRecord[]): { version: string; sha256: string } | null {
  const facts = steps.find(({ id }) => id === 'train/card')?.facts;
  return typeof facts?.version === 'string' && typeof facts.sha256 === 'string'
    ? { version: facts.version, sha256: facts.sha256 }
    : null;
}

/** Seconds of a stage are from the begin of the first step that ran to the end of the last one. */
export function stageSummaries(steps: readonly StepRecord[]): RunSummary['stages'] {
  const stages: RunSummary['stages'] = {};
  for (const stage of STAGES) {
    const own = steps.filter((step) => step.stage === stage);
    if (own.length === 0) continue;
    const ran = own.filter(({ reused }) => !reused);
    const began = Math.min(...ran.map((step) => step.began));
    const ended = Math.max(...ran.map((step) => step.ended));
    const summary: StageSummary = {
      seconds: ran.length === 0 ? 0 : Math.max(0, (ended - began) / 1000),
      steps: own.length,
      reused: own.length - ran.length,
      rowsIn: own.reduce((sum, { rowsIn }) => sum + rowsIn, 0),
      rowsOut: own.reduce((sum, { rowsOut }) => sum + rowsOut, 0),
    };
    stages[stage] = summary;
  }
  return stages;
}
