import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKernelPool } from '../../activities/pool/index.js';
import { projectRoot } from '../../config/root.js';
import { openLake } from '../../lake/index.js';
import type { BenchOptions } from '../main.js';
import { startBenchCluster } from '../support/cluster.js';
import { machine, peakMemory } from '../support/machine.js';
import { python, pythonJson } from '../support/python.js';
import { writeResults } from '../support/results.js';
import { ratio, spread } from '../support/statistics.js';
import { addWindows, makeSeries, ROWS, SERIES } from './windows.js';

const JOBS = { sessions: 'ev-demand', stations: 'ev-demand-stations' } as const;
const SOURCES = {
  sessions: ['ev_demand', 'sessions', 'acn_caltech_sessions.csv'],
  stations: ['ev_demand', 'charged'],
} as const;

interface Peer {
  seconds: number;
  peak_rss_mb: number;
}

/** Windows over many series, Parquet to Parquet, and both forms of the whole job, against Python run in turn. */
export async function run({ rounds, json }: BenchOptions): Promise<void> {
  const inputs = process.env.GEOREFRESH_TEST_DATA ?? join(projectRoot(), '..', 'shared', 'data');
  const bin = await python(join(projectRoot(), 'bench', 'requirements.txt'));
  const home = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  const out = join(home, 'peer');
  const peer = (what: string, source: string): Promise<Peer> =>
    pythonJson(bin, [join(projectRoot(), 'bench', 'ev-demand', 'peer.py'), what, '--source', source, '--out', out]);
  const seconds: Record<string, number[]> = {};
  const memory: Record<string, number> = {};
  const note = (name: string, value: number, mb?: number): void => {
    seconds[name] = [...(seconds[name] ?? []), value];
    if (mb !== undefined) memory[name] = Math.max(memory[name] ?? 0, mb);
  };
  const cluster = await startBenchCluster(home);
  try {
    await windowsPart(home, rounds, note, (what, source) => peer(what, source));
    for (let round = 0; round < rounds; round++)
      for (const job of ['sessions', 'stations'] as const) {
        process.stderr.write(`${job}, round ${round + 1} of ${rounds} …\n`);
        const started = performance.now();
        await cluster.refresh({ pipeline: JOBS[job], inputs, force: true });
        note(job, (performance.now() - started) / 1000, peakMemory(cluster.workerPid));
        const theirs = await peer(job, join(inputs, ...SOURCES[job]));
        note(`${job} peer`, theirs.seconds, theirs.peak_rss_mb);
      }
  } finally {
    await cluster.stop();
    await rm(home, { recursive: true, force: true });
  }
  report(seconds, memory, rounds, json);
}

async function windowsPart(
  home: string,
  rounds: number,
  note: (name: string, seconds: number, mb?: number) => void,
  peer: (what: string, source: string) => Promise<Peer>,
): Promise<void> {
  const lake = await openLake({ home: join(home, 'windows'), scratchBytes: 4e9, memoryLimit: '800MB', threads: 2 });
  const pool = createKernelPool({ threads: 2 });
  const source = join(lake.scratch.newFile('parquet'));
  try {
    await makeSeries(lake, source);
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`windows, round ${round + 1} of ${rounds} …\n`);
      const target = lake.scratch.newFile('parquet');
      const started = performance.now();
      await addWindows(lake, pool, source, target);
      note('windows', (performance.now() - started) / 1000, peakMemory(process.pid));
      await lake.scratch.discard(target);
      for (const name of ['pandas', 'polars']) {
        const theirs = await peer(`windows-${name}`, source);
        note(`windows ${name}`, theirs.seconds, theirs.peak_rss_mb);
      }
    }
  } finally {
    await pool.close();
    await lake.close();
  }
}

function report(
  seconds: Record<string, number[]>,
  memory: Record<string, number>,
  rounds: number,
  json: boolean,
): void {
  const against = (peer: string, ours: string): number => ratio(seconds[peer] ?? [], seconds[ours] ?? []);
  const ratios = {
    windowsPandas: against('windows pandas', 'windows'),
    windowsPolars: against('windows polars', 'windows'),
    sessions: against('sessions peer', 'sessions'),
    stations: against('stations peer', 'stations'),
  };
  if (json) process.stdout.write(`${JSON.stringify({ seconds, memory, ratios })}\n`);
  const line = ([name, values]: [string, number[]]): string =>
    `| ${name} | ${spread(values)} | ${memory[name]?.toFixed(0) ?? '–'} |`;
  const body = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}. Medians (smallest–largest) of ${rounds} rounds in turn.`,
    `Windows: ${ROWS.toLocaleString('en')} rows in ${SERIES} series, three lags, three rolling means and a deviation, Parquet to Parquet. Whole jobs: ours with five forward folds of every candidate, 24-hour ranges, report and durable snapshot; the peer fits each candidate once and forecasts one hour ahead.`,
    '',
    '| | s | peak memory, MB |',
    '|---|---|---|',
    ...Object.entries(seconds).map(line),
    '',
    `Ratios, round by round: windows **${ratios.windowsPolars.toFixed(2)} ×** polars (goal 1) and **${ratios.windowsPandas.toFixed(2)} ×** pandas (goal 3); whole job **${ratios.sessions.toFixed(2)} ×** for sessions and **${ratios.stations.toFixed(2)} ×** for stations (goal 3).`,
  ].join('\n');
  writeResults('ev-demand', body);
  process.stderr.write(`${body}\n`);
}
