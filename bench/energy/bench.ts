import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../../config/root.js';
import { readRun } from '../../lake/runs.js';
import type { BenchOptions } from '../main.js';
import { type BenchCluster, startBenchCluster } from '../support/cluster.js';
import { machine, peakMemory } from '../support/machine.js';
import { python, pythonJson } from '../support/python.js';
import { writeResults } from '../support/results.js';
import { median, ratio, spread } from '../support/statistics.js';

const PIPELINE = 'energy';
const CORRECTED = join('energy', 'eia930', 'ba', 'MISO.csv');
const MEMORY_GOAL_MB = 1024;
const SHARE_GOAL = 0.1;

const exec = promisify(execFile);

interface Made {
  seconds: number;
  peak_rss_mb: number;
}

interface Refresh {
  seconds: number;
  /** Of the work of partitioned steps. */
  partitioned: number;
  made: number;
  all: number;
}

/** Bronze to gold against pandas and polars run in turn, and what one corrected month costs against the whole. */
export async function run({ rounds, json }: BenchOptions): Promise<void> {
  const data = process.env.GEOREFRESH_TEST_DATA ?? join(projectRoot(), '..', 'shared', 'data');
  const bin = await python(join(projectRoot(), 'bench', 'requirements.txt'));
  const home = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  const inputs = join(home, 'inputs');
  await cp(join(data, 'energy'), join(inputs, 'energy'), { recursive: true });
  const seconds: Record<string, number[]> = {};
  const memory: Record<string, number> = {};
  const note = (name: string, { seconds: value, peak_rss_mb: mb }: Made): void => {
    seconds[name] = [...(seconds[name] ?? []), value];
    memory[name] = Math.max(memory[name] ?? 0, mb);
  };
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`bronze to gold, round ${round + 1} of ${rounds} …\n`);
    note('georefresh', await ours(data, join(home, `transform-${round}`)));
    for (const peer of ['pandas', 'polars']) {
      const script = join(projectRoot(), 'bench', 'energy', 'peer.py');
      const args = [script, peer, '--source', join(data, 'energy'), '--out', join(home, peer)];
      note(peer, await pythonJson<Made>(bin, args));
    }
  }
  const cluster = await startBenchCluster(home);
  const whole: Refresh[] = [];
  const corrected: Refresh[] = [];
  try {
    await refresh(cluster, inputs, true);
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`one month, round ${round + 1} of ${rounds} …\n`);
      whole.push(await refresh(cluster, inputs, true));
      await correct(join(inputs, CORRECTED), round);
      corrected.push(await refresh(cluster, inputs, false));
    }
    memory.refresh = peakMemory(cluster.workerPid) ?? Number.NaN;
  } finally {
    await cluster.stop();
    await rm(home, { recursive: true, force: true });
  }
  report({ seconds, memory, whole, corrected, rounds, json });
}

async function ours(data: string, home: string): Promise<Made> {
  const loader = join(projectRoot(), 'scripts', 'ts-loader.mjs');
  const args = ['--import', loader, join(projectRoot(), 'bench', 'energy', 'transform.ts'), data, home];
  const { stdout } = await exec(process.execPath, args, { cwd: projectRoot() });
  return JSON.parse(stdout) as Made;
}

async function refresh(cluster: BenchCluster, inputs: string, force: boolean): Promise<Refresh> {
  const started = performance.now();
  const { run: id } = await cluster.refresh({ pipeline: PIPELINE, inputs, force, only: ['features'] });
  const seconds = (performance.now() - started) / 1000;
  const { steps } = await readRun(cluster.store, PIPELINE, id);
  const divided = steps.filter(({ partitions }) => partitions !== undefined);
  return {
    seconds,
    partitioned: divided.reduce((sum, step) => sum + step.seconds, 0),
    made: divided.reduce((sum, { partitions }) => sum + (partitions?.made ?? 0), 0),
    all: divided.reduce((sum, { partitions }) => sum + (partitions?.all ?? 0), 0),
  };
}

/** Another value for an hour of a month long closed. */
async function correct(path: string, round: number): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/^(2017-03-08 17:00:00,\d+,[A-Z_]+),\d+,/m, `$1,${50_000 + round},`));
}

interface Figures {
  seconds: Record<string, number[]>;
  memory: Record<string, number>;
  whole: Refresh[];
  corrected: Refresh[];
  rounds: number;
  json: boolean;
}

function report({ seconds, memory, whole, corrected, rounds, json }: Figures): void {
  const against = (peer: string): number => ratio(seconds[peer] ?? [], seconds.georefresh ?? []);
  const share = median(corrected.map((one, i) => one.seconds / (whole[i]?.seconds ?? Number.NaN)));
  const ofWork = median(corrected.map((one, i) => one.partitioned / (whole[i]?.partitioned ?? Number.NaN)));
  const ratios = { pandas: against('pandas'), polars: against('polars'), share, ofWork };
  if (json) process.stdout.write(`${JSON.stringify({ seconds, memory, whole, corrected, ratios })}\n`);
  const row = (name: string, all: Refresh[]): string =>
    `| ${name} | ${spread(all.map((one) => one.seconds))} | ${spread(all.map((one) => one.partitioned))} | ${all.at(-1)?.made} of ${all.at(-1)?.all} |`;
  const body = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}. Medians (smallest–largest) of ${rounds} rounds in turn, the real files.`,
    "Bronze to gold: 41 CSV files to silver, days, months, system hours and PJM's hours as Parquet; ours by the pipeline's own contract and SQL in one process, without engine, digests and durable writes.",
    '',
    '| | s | peak memory, MB |',
    '|---|---|---|',
    ...Object.entries(seconds).map(([name, values]) => `| ${name} | ${spread(values)} | ${memory[name]?.toFixed(0)} |`),
    '',
    `Ratios, round by round: **${ratios.pandas.toFixed(2)} ×** pandas (goal 5), **${ratios.polars.toFixed(2)} ×** polars (goal 1).`,
    '',
    '| refresh to the features, one worker | s | of it work in partitions, s | partitions made |',
    '|---|---|---|---|',
    row('everything made', whole),
    row('one month of one operator corrected', corrected),
    '',
    `Round by round: **${(share * 100).toFixed(0)} %** of the whole (goal ${SHARE_GOAL * 100} % at most), ${(ofWork * 100).toFixed(0)} % of the work in partitions. Peak memory of the worker: **${memory.refresh?.toFixed(0)} MB** (goal ${MEMORY_GOAL_MB}).`,
  ].join('\n');
  writeResults(PIPELINE, body);
  process.stderr.write(`${body}\n`);
}
