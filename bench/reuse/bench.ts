import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunSummary } from '../../activities/types.js';
import { projectRoot } from '../../config/root.js';
import { readRun } from '../../lake/runs.js';
import type { BenchOptions } from '../main.js';
import { type BenchCluster, startBenchCluster } from '../support/cluster.js';
import { machine } from '../support/machine.js';
import { writeResults } from '../support/results.js';
import { median, spread } from '../support/statistics.js';

const PIPELINE = 'ev-sites';
const STATIONS = join('ev_sites', 'afdc_us_points_2022.csv');
/** Casper, Wyoming. */
const PLACE = [42.8501, -106.3252] as const;
const UNCHANGED = 10;
const SHARE_GOAL = 0.25;
const UNCHANGED_GOAL_S = 1;

const exec = promisify(execFile);

/** What a refresh costs after one station was added, and where nothing changed, against one that makes everything. */
export async function run({ rounds, json }: BenchOptions): Promise<void> {
  const data = process.env.GEOREFRESH_TEST_DATA ?? join(projectRoot(), '..', 'shared', 'data');
  const home = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  const inputs = join(home, 'inputs');
  await cp(join(data, 'ev_sites'), join(inputs, 'ev_sites'), { recursive: true });
  const cluster = await startBenchCluster(home);
  try {
    process.stderr.write('warming up …\n');
    await cluster.refresh({ pipeline: PIPELINE, inputs, only: ['features'] });
    const figures: Omit<Figures, 'answers' | 'json'> = { whole: [], added: [], trained: [] };
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`round ${round + 1} of ${rounds} …\n`);
      figures.whole.push(await measured(cluster, { inputs, force: true, only: ['features'] }));
      await addStation(join(inputs, STATIONS), round);
      figures.added.push(await measured(cluster, { inputs, force: false, only: ['features'] }));
    }
    process.stderr.write('the same with training …\n');
    figures.trained.push(await measured(cluster, { inputs, force: true }));
    await addStation(join(inputs, STATIONS), rounds);
    figures.trained.push(await measured(cluster, { inputs, force: false }));
    const answers: number[] = [];
    for (let i = 0; i < UNCHANGED; i++) answers.push(await unchanged(home));
    report({ ...figures, answers, json });
  } finally {
    await cluster.stop();
    await rm(home, { recursive: true, force: true });
  }
}

interface Refresh {
  seconds: number;
  partitions: { all: number; made: number };
}

interface Request {
  inputs: string;
  force: boolean;
  /** What training has no part in: the stages after it wait for it. */
  only?: ['features'];
}

async function measured(cluster: BenchCluster, request: Request): Promise<Refresh> {
  const started = performance.now();
  const { run }: RunSummary = await cluster.refresh({ pipeline: PIPELINE, ...request });
  const seconds = (performance.now() - started) / 1000;
  const { steps } = await readRun(cluster.store, PIPELINE, run);
  const split = steps.filter(({ stage }) => stage === 'features').flatMap(({ partitions }) => partitions ?? []);
  const sum = (count: 'all' | 'made'): number => split.reduce((total, one) => total + one[count], 0);
  return { seconds, partitions: { all: sum('all'), made: sum('made') } };
}

async function addStation(path: string, round: number): Promise<void> {
  const text = (await readFile(path, 'utf8')).trimEnd();
  const [lat, lon] = PLACE;
  await writeFile(path, `${text}\nAdded,82601,${lat + round / 1000},${lon},${900_000 + round}\n`);
}

/** Seconds from the command to its answer, with a worker up. */
async function unchanged(home: string): Promise<number> {
  const started = performance.now();
  const command = [join(projectRoot(), 'dist', 'client', 'cli', 'main.js'), 'refresh', PIPELINE, '--json'];
  const { stdout } = await exec(process.execPath, command, { env: { ...process.env, GEOREFRESH_HOME: home } });
  const seconds = (performance.now() - started) / 1000;
  const { outcome } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as { outcome?: string };
  if (outcome !== 'unchanged') throw new Error(`the refresh ended ${outcome ?? stdout}`);
  return seconds;
}

interface Figures {
  whole: Refresh[];
  added: Refresh[];
  /** To the publication: everything made, and one station added. */
  trained: Refresh[];
  answers: number[];
  json: boolean;
}

function report({ whole, added, trained, answers, json }: Figures): void {
  const share = median(added.map(({ seconds }, i) => seconds / (whole[i] as Refresh).seconds));
  const row = (name: string, all: Refresh[], toEnd: Refresh | undefined): string => {
    const count = (of: 'all' | 'made'): number => median(all.map(({ partitions }) => partitions[of]));
    const seconds = spread(all.map((one) => one.seconds));
    return `| ${name} | ${seconds} | ${count('made')} of ${count('all')} | ${toEnd?.seconds.toFixed(1) ?? ''} |`;
  };
  if (json) process.stdout.write(`${JSON.stringify({ share, whole, added, trained, unchanged: answers })}\n`);
  const body = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}. Medians (smallest–largest) of ${whole.length} rounds in turn, ev-sites on the real files, one worker.`,
    '',
    '| | request to features, s | feature partitions made | with training, to the publication, s, once |',
    '|---|---|---|---|',
    row('everything made', whole, trained[0]),
    row('one station added in Wyoming', added, trained[1]),
    '',
    `Without training, round by round: **${(share * 100).toFixed(0)} %** (goal ${SHARE_GOAL * 100} % at most). Nothing changed, from the command to its answer: **${median(answers).toFixed(2)} s**, median of ${answers.length} (goal ${UNCHANGED_GOAL_S} s).`,
  ].join('\n');
  writeResults('reuse', body);
  process.stderr.write(`${body}\n`);
  if (share > SHARE_GOAL || median(answers) > UNCHANGED_GOAL_S) process.exitCode = 1;
}
