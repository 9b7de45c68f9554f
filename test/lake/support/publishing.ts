import { putArtifact } from '../../../lake/artifacts.js';
import { inEpoch } from '../../../lake/epoch.js';
import type { Lake } from '../../../lake/lake.js';
import type { Manifest } from '../../../lake/manifest.js';
import { epochOf, readPointer } from '../../../lake/pointer.js';
import { type Published, publishSnapshot } from '../../../lake/snapshots.js';
import { putTable } from '../../../lake/tables.js';
import type { TableRef } from '../../../lake/types.js';

/** A manifest as a run of a small pipeline would leave it. */
export function manifestOf(run: string, logicalTime: string): Manifest {
  return {
    version: 1,
    pipeline: 'demo',
    run,
    outcome: 'published',
    logicalTime,
    trigger: 'operator',
    sample: true,
    definition: null,
    parameters: { alpha: 1 },
    sources: [],
    steps: [
      {
        id: 'features',
        stage: 'features',
        rowsIn: 3,
        rowsOut: 2,
        inputs: ['a'.repeat(64)],
        outputs: {},
        seconds: 0.5,
        attempts: 1,
        reused: false,
      },
    ],
    quarantine: { range: 1 },
    pipelineMetrics: { records_in: 3, records_out: 2, duration_seconds: 1.5, errors: 1 },
    metrics: null,
    champion: null,
    model: null,
    outputs: [],
    volatileOutputs: ['report.html'],
    error: null,
    started: '2026-02-20T14:30:22Z',
    finished: '2026-02-20T14:31:22Z',
    versions: { node: process.version },
    predecessor: null,
    generation: null,
  };
}

export const HOLD = { by: 'ann', at: '2026-01-01T12:00:00.000Z', reason: 'bad data' };

export interface Attempt {
  run: string;
  nonce?: string;
  /** Minutes after midnight. */
  minute: number;
  content?: string;
  /** A step that the run took, in the place of the one that all take. */
  step?: Partial<Manifest['steps'][number]>;
}

let nonces = 0x10000000;

/** Publishes two files of a run; each call is an attempt with a nonce of its own. */
export async function publish(
  lake: Pick<Lake, 'store' | 'scratch'>,
  { run, nonce, minute, content = run, step = {} }: Attempt,
): Promise<Published> {
  const logicalTime = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  const files = {
    'ranked.csv': {
      ...(await putArtifact(lake.store, 'lake/demo/predictions', Buffer.from(`id\n${content}\n`), 'csv')),
      rows: 1,
      columns: ['id'],
    },
    'report.html': await putArtifact(lake.store, 'lake/demo/predictions', Buffer.from(`<p>${run}`), 'html'),
  };
  const { outputs: _o, generation: _g, predecessor: _p, outcome: _c, ...manifest } = manifestOf(run, logicalTime);
  const steps = manifest.steps.map((one) => ({ ...one, ...step }));
  return publishSnapshot({
    lake,
    pipeline: 'demo',
    run,
    nonce: nonce ?? (nonces++).toString(16),
    logicalTime,
    files,
    manifest: { ...manifest, steps },
  });
}

/** Publishes tables, each the rows of a SELECT, for the so-manieth minute of a day. */
export async function publishTables(
  lake: Lake,
  tables: Readonly<Record<string, string>>,
  {
    minute,
    run = `run-${minute}`,
    pipeline = 'demo',
    ...options
  }: { minute: number; run?: string; pipeline?: string; archive?: boolean; epoch?: number },
): Promise<Published> {
  const logicalTime = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  const prefix = `lake/${pipeline}/predictions`;
  const epoch = options.epoch ?? epochOf((await readPointer(lake.store, pipeline))?.pointer);
  return inEpoch(epoch, async () => {
    const files = await lake.duckdb.session(async (session) => {
      const made: Record<string, TableRef> = {};
      for (const [name, select] of Object.entries(tables))
        made[`${name}.parquet`] = await putTable(lake, session, { select }, { prefix, orderBy: [] });
      return made;
    });
    const { outputs: _o, generation: _g, predecessor: _p, outcome: _c, ...manifest } = manifestOf(run, logicalTime);
    const outputs = Object.fromEntries(
      Object.entries(files).map(([name, { uri, sha256, bytes }]) => [name, { uri, sha256, bytes }]),
    );
    const steps = manifest.steps.map((step) => ({ ...step, outputs }));
    return publishSnapshot({
      ...{ lake, pipeline, run, logicalTime, files },
      ...(options.archive && { archive: true }),
      nonce: (nonces++).toString(16),
      manifest: { ...manifest, pipeline, steps },
    });
  });
}
