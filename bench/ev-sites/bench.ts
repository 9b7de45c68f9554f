import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKernelPool } from '../../activities/pool/index.js';
import { projectRoot } from '../../config/root.js';
import { type Lake, openLake, readTable } from '../../lake/index.js';
import type { Manifest } from '../../lake/manifest.js';
import { listRuns, readRun } from '../../lake/runs.js';
import type { TableRef } from '../../lake/types.js';
import type { BenchOptions } from '../main.js';
import { startBenchCluster } from '../support/cluster.js';
import { machine, peakMemory } from '../support/machine.js';
import { python, pythonJson } from '../support/python.js';
import { writeResults } from '../support/results.js';
import { median, ratio, spread } from '../support/statistics.js';
import { type SpatialInput, spatialInput, spatialPart } from './spatial.js';

const PIPELINE = 'ev-sites';
const CUTOFFS = ['train', 'score', 'backtest'] as const;
const INDEXES = ['balltree', 'ckdtree'] as const;
/** Sums of the same column that two implementations computed in another order. */
const TOLERANCE = 1e-9;

interface Peer {
  peer: string;
  seconds: { total: number; spatial: number } & Record<string, number>;
  peak_rss_mb: number;
  checks: Record<string, Record<string, number>>;
  versions: Record<string, string>;
}

export async function run({ rounds, json }: BenchOptions): Promise<void> {
  const inputs = process.env.GEOREFRESH_TEST_DATA ?? join(projectRoot(), '..', 'shared', 'data');
  const bin = await python(join(projectRoot(), 'bench', 'requirements.txt'));
  const home = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  const cluster = await startBenchCluster(home);
  try {
    const refresh = async (): Promise<number> => {
      const started = performance.now();
      await cluster.refresh({ pipeline: PIPELINE, inputs, only: ['features'], force: true });
      return (performance.now() - started) / 1000;
    };
    const peer = (index: string): Promise<Peer> =>
      pythonJson(bin, [
        join(projectRoot(), 'bench', 'ev-sites', 'peer.py'),
        '--inputs',
        inputs,
        '--out',
        join(home, 'peer'),
        '--index',
        index,
      ]);

    process.stderr.write('warming up …\n');
    await refresh();
    await refresh();
    const lake = await openLake({
      home: join(home, 'reader'),
      store: cluster.store,
      scratchBytes: 1e9,
      memoryLimit: '500MB',
      threads: 2,
    });
    const pool = createKernelPool({ threads: cluster.threads });
    const spatial = spatialInput(lake, await featureTables(lake));
    const input = await spatial;
    await spatialPart(pool, input);

    const ours: number[] = [];
    const oursSpatial: number[] = [];
    const peers: Record<string, Peer[]> = Object.fromEntries(INDEXES.map((index) => [index, []]));
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`round ${round + 1} of ${rounds} …\n`);
      ours.push(await refresh());
      oursSpatial.push(await timed(() => spatialPart(pool, input)));
      for (const index of INDEXES) peers[index].push(await peer(index));
    }
    const memory = {
      worker: peakMemory(cluster.workerPid),
      engine: cluster.enginePid === undefined ? undefined : peakMemory(cluster.enginePid),
    };
    const disagreement = await compare(lake, await featureTables(lake), peers);
    await pool.close();
    await lake.close();
    report({ ours, oursSpatial, peers, memory, disagreement, input, json });
  } finally {
    await cluster.stop();
    await rm(home, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** The tables that the last run left, from its manifest. */
async function featureTables({ store }: Lake): Promise<Record<string, TableRef>> {
  const [last] = await listRuns(store, PIPELINE, { limit: 1 });
  if (last === undefined) throw new Error('no run left a manifest');
  const manifest: Manifest = await readRun(store, PIPELINE, last.run);
  return Object.fromEntries(manifest.steps.flatMap(({ outputs }) => Object.entries(outputs))) as unknown as Record<
    string,
    TableRef
  >;
}

/** Columns whose sums differ between our tables and a peer's; a ratio is worth nothing where there are any. */
async function compare(lake: Lake, tables: Record<string, TableRef>, peers: Record<string, Peer[]>): Promise<string[]> {
  const wrong: string[] = [];
  for (const cutoff of CUTOFFS) {
    const table = await readTable(lake, tables[`tract_features@${cutoff}`]);
    for (const [index, runs] of Object.entries(peers)) {
      const checks = runs[0]?.checks[cutoff] ?? {};
      for (const [name, sum] of Object.entries(checks)) {
        const column = table.columns[name];
        if (column === undefined || column.type === 'text' || column.type === 'boolean') continue;
        let own = 0;
        for (const value of column.values) if (!Number.isNaN(value)) own += value;
        if (Math.abs(own - sum) > TOLERANCE * Math.max(1, Math.abs(sum)))
          wrong.push(`${index} ${cutoff}.${name}: ${own} against ${sum}`);
      }
    }
  }
  return wrong;
}

interface Figures {
  ours: number[];
  oursSpatial: number[];
  peers: Record<string, Peer[]>;
  memory: { worker: number | undefined; engine: number | undefined };
  disagreement: string[];
  input: SpatialInput;
  json: boolean;
}

function report({ ours, oursSpatial, peers, memory, disagreement, json }: Figures): void {
  const rows = Object.entries(peers).map(([index, runs]) => ({
    index,
    total: runs.map(({ seconds }) => seconds.total),
    spatial: runs.map(({ seconds }) => seconds.spatial),
    memory: Math.max(...runs.map((one) => one.peak_rss_mb)),
  }));
  const faster = [...rows].sort((a, b) => median(a.total) - median(b.total))[0];
  const agree = disagreement.length === 0;
  const figures = {
    seconds: median(ours),
    spatialSeconds: median(oursSpatial),
    ratio: agree ? ratio(faster.total, ours) : null,
    spatialRatio: agree ? ratio(faster.spatial, oursSpatial) : null,
    fasterPeer: faster.index,
    workerMb: memory.worker,
    engineMb: memory.engine,
    disagreement,
  };
  if (json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  const versions = Object.entries(Object.values(peers)[0]?.[0]?.versions ?? {}).map(
    ([name, version]) => `${name} ${version}`,
  );
  const table = [
    '| | request to features, s | spatial part, s | peak memory, MB |',
    '|---|---|---|---|',
    `| georefresh | ${spread(ours)} | ${spread(oursSpatial)} | ${memory.worker?.toFixed(0) ?? '–'} (engine ${memory.engine?.toFixed(0) ?? '–'}) |`,
    ...rows.map((row) => `| pandas, ${row.index} | ${spread(row.total)} | ${spread(row.spatial)} | ${row.memory} |`),
  ];
  const verdict = agree
    ? `Ratio to the faster peer (${faster.index}), round by round: **${figures.ratio?.toFixed(2)} ×** from request to features (goal 3), **${figures.spatialRatio?.toFixed(2)} ×** for the spatial part (goal 5).`
    : `No ratio: the outputs differ. ${disagreement.slice(0, 10).join('; ')}`;
  const body = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, ${versions.join(', ')}. Medians (smallest–largest) of ${ours.length} rounds in turn.`,
    'Ours is from the request to the written features of three cut-offs, engine up and worker warm, with durable writes, quarantine and digests; the peer from its first read to its last write, imports not counted.',
    '',
    ...table,
    '',
    verdict,
  ].join('\n');
  writeResults('ev-sites', body);
  process.stderr.write(`${body}\n`);
  if (!agree) process.exitCode = 1;
}
