import { randomBytes } from 'node:crypto';
import { codeOf, ERRORS, GeorefreshError } from '../../config/errors.js';
import { forBatch } from '../../config/logging.js';
import { fetchJson, putArtifact } from '../../lake/artifacts.js';
import { readCurrent } from '../../lake/current.js';
import { readHistory } from '../../lake/history.js';
import type { Manifest } from '../../lake/manifest.js';
import { readManifest } from '../../lake/read-manifest.js';
import { writeRunManifest } from '../../lake/runs.js';
import { publishSnapshot, putOutput } from '../../lake/snapshots.js';
import type { Artifact, TableRef } from '../../lake/types.js';
import { artifactOf, batchIdOf, type Deps, definitionOf, prefixOf, tableOf } from '../deps.js';
import { activity, type Made, type StepContext, step } from '../durable.js';
import { publicationOf } from '../reuse.js';
import type { PublishedMetrics } from '../train/evaluate.js';
import { CARD, METRICS, ONNX } from '../train/names.js';
import type { ConcludeInput, Outcome, PublishInput, RunHeader, RunSummary, StepRecord } from '../types.js';
import { fileKey, manifestOf, modelOf, REPORT, stageSummaries } from './manifest.js';
import { describeRun } from './steps/describe.js';
import { writeMetrics } from './steps/metrics.js';
import { QUARANTINE, writeOutput } from './steps/outputs.js';
import { writeQuarantine } from './steps/quarantine.js';

export const createPublishActivities = (deps: Deps) => ({
  /** A step of the publish stage: the files, the report, or the snapshot and the pointer to it. */
  publish: step(deps, async (input: PublishInput, context: StepContext): Promise<Made> => {
    switch (input.step.id) {
      case 'publish/outputs':
        return writeFiles(deps, input, context);
      case 'publish/report':
        return writeReport(deps, input, context);
      case 'publish/snapshot':
        return publishFiles(deps, input, context);
      default:
        throw new GeorefreshError('GR-3009', `no step is called ${input.step.id}`);
    }
  }),

  /** Leaves the manifest of a run, however it ended, and tells what it left. */
  conclude: activity(deps.log, (input: ConcludeInput): Promise<RunSummary> => conclude(deps, input)),
});

async function writeFiles(deps: Deps, input: PublishInput, { signal, progress }: StepContext): Promise<Made> {
  const { lake } = deps;
  const definition = await definitionOf(lake, input);
  const outputs = Object.entries(definition.pipeline.outputs).filter(
    ([, { table }]) => input.tables[table] !== undefined,
  );
  return lake.duckdb.session(
    async (session) => {
      const files: Record<string, Artifact | TableRef> = {};
      for (const [i, [name, output]] of outputs.entries()) {
        progress({ done: i, total: outputs.length, unit: 'outputs' });
        Object.assign(files, await writeOutput(deps, session, definition, input, name, output, signal));
      }
      const quarantine = await writeQuarantine(deps, session, definition, input, signal);
      files[QUARANTINE] = quarantine;
      const metrics = await writeMetrics(deps, session, definition, input, signal);
      const tables = Object.entries(files).filter((entry): entry is [string, TableRef] => 'rows' in entry[1]);
      const rows = tables.filter(([name]) => name.endsWith('.parquet')).reduce((sum, [, table]) => sum + table.rows, 0);
      return {
        tables: Object.fromEntries(tables.map(([name, table]) => [fileKey(name), table])),
        artifacts: metrics === undefined ? {} : { [METRICS]: metrics },
        rowsIn: rows,
        rowsOut: rows,
        facts: { quarantined: quarantine.rows },
      };
    },
    { signal, step: input.step.id },
  );
}

async function writeReport(deps: Deps, input: PublishInput, { signal }: StepContext): Promise<Made> {
  const { lake, pool } = deps;
  const definition = await definitionOf(lake, input);
  const described = await lake.duckdb.session((session) => describeRun(deps, session, definition, input, signal), {
    signal,
    step: input.step.id,
  });
  const html = await pool.run('renderReportPage', described, { signal });
  const report = await putOutput(lake, definition.pipeline.name, Buffer.from(html), 'html', { signal });
  return {
    tables: {},
    artifacts: { [fileKey(REPORT)]: report },
    rowsIn: 0,
    rowsOut: 0,
    facts: { bytes: report.bytes },
  };
}

async function publishFiles(deps: Deps, input: PublishInput, { signal }: StepContext): Promise<Made> {
  const { lake } = deps;
  const frozen = await definitionOf(lake, input);
  const trained = frozen.pipeline.train !== undefined;
  const figures = input.artifacts[METRICS];
  const metrics = figures === undefined ? null : await fetchJson<PublishedMetrics>(lake.store, figures);
  const files = Object.fromEntries(
    Object.entries({ ...input.tables, ...input.artifacts })
      .filter(([name]) => name.startsWith(fileKey('')))
      .map(([name, ref]) => [name.slice(fileKey('').length), ref]),
  );
  if (trained) Object.assign(files, { [ONNX]: artifactOf(input, ONNX), [CARD]: artifactOf(input, CARD) });
  files[METRICS] =
    figures ??
    (await putArtifact(lake.store, prefixOf(frozen.pipeline.name, 'predictions'), Buffer.from('{}\n'), 'json', {
      signal,
    }));
  const { outcome: _, ...manifest } = manifestOf({
    header: input.header,
    definition: { ref: input.definition, frozen },
    sample: input.inputs === undefined,
    steps: input.steps,
    outcome: 'published',
    metrics,
    publication: await publicationOf(deps, input.definition, frozen, input.steps),
  });
  const published = await publishSnapshot(
    {
      lake,
      pipeline: input.header.pipeline,
      run: input.header.run,
      nonce: randomBytes(8).toString('hex'),
      logicalTime: input.header.logicalTime,
      files,
      manifest,
      archive: input.header.trigger === 'backfill',
    },
    { signal },
  );
  const rows = tableOf(input, fileKey(QUARANTINE)).rows;
  return {
    tables: {},
    artifacts: {},
    rowsIn: rows,
    rowsOut: rows,
    facts: { outcome: published.outcome, generation: published.generation, snapshot: published.snapshot.snapshot },
  };
}

async function conclude(
  { lake, log }: Deps,
  { header, plan, steps, outcome: ended, error }: ConcludeInput,
): Promise<RunSummary> {
  const frozen = plan && (await definitionOf(lake, plan).catch(unlessRetryable(undefined)));
  const publish = steps.find(({ id }) => id === 'publish/snapshot')?.facts;
  // A run that was cancelled or failed behind its publication has published all the same.
  const outcome = (publish?.outcome as Outcome | undefined) ?? ended;
  const generation = outcome === 'published' && typeof publish?.generation === 'number' ? publish.generation : null;
  const metrics = await metricsOf(lake, steps);
  const stands = generation !== null || outcome === 'unchanged';
  const current = stands ? await readCurrent(lake.store, header.pipeline) : undefined;
  const beside = outcome === 'archived' ? await besideOf(lake, header) : undefined;
  const own = current?.manifest.run === header.run || outcome === 'unchanged' ? current?.manifest : beside;
  const outputs = own?.outputs ?? [];
  const manifest = {
    ...manifestOf({
      header,
      ...(plan && frozen && { definition: { ref: plan.definition, frozen } }),
      sample: plan?.sample ?? false,
      steps,
      outcome,
      metrics,
      ...(error && { error }),
    }),
    outputs,
    generation,
    predecessor: own?.predecessor ?? null,
  };
  await writeRunManifest(lake.store, manifest);
  forBatch(log, batchIdOf(header)).info({
    event: 'batch_concluded',
    pipeline: header.pipeline,
    run: header.run,
    outcome,
    ...manifest.pipelineMetrics,
  });
  return {
    pipeline: header.pipeline,
    run: header.run,
    outcome,
    seconds: Math.max(0, (Date.now() - Date.parse(header.startedAt)) / 1000),
    stages: stageSummaries(steps),
    metrics,
    model: modelOf(steps),
    outputs: outputs.map(({ name, uri, rows, sha256 }) => ({ name, uri: lake.store.uri(uri), rows, sha256 })),
    trigger: header.trigger,
    sample: plan?.sample ?? false,
    quarantined: steps.reduce((sum, { quarantine }) => sum + (quarantine?.rows ?? 0), 0),
    generation,
  };
}

/** What a run left as the snapshot of an earlier time. */
async function besideOf(lake: Deps['lake'], { pipeline, run }: RunHeader): Promise<Manifest | undefined> {
  const entry = (await readHistory(lake.store, pipeline)).find((one) => one.run === run);
  return entry && readManifest(lake.store, entry).catch(unlessRetryable(undefined));
}

async function metricsOf(lake: Deps['lake'], steps: readonly StepRecord[]): Promise<PublishedMetrics | null> {
  const ref = steps.find(({ artifacts }) => artifacts[METRICS] !== undefined)?.artifacts[METRICS];
  if (ref === undefined) return null;
  return fetchJson<PublishedMetrics>(lake.store, ref).catch(unlessRetryable(null));
}

/** Damage must not hide how a run ended; a store that is away for a moment is asked again. */
const unlessRetryable =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (ERRORS[codeOf(error)].retryable) throw error;
    return instead;
  };
