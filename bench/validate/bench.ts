import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../../config/root.js';
import type { BenchOptions } from '../main.js';
import { machine } from '../support/machine.js';
import { python, pythonJson } from '../support/python.js';
import { writeResults } from '../support/results.js';
import { median, ratio, spread } from '../support/statistics.js';
import { writeRows } from './data.js';

const MILLION = 1_000_000;
const ROWS = 5 * MILLION;
/** Rows that are only validated by us: memory must not grow with them. */
const MANY = 20 * MILLION;

interface Measured {
  rows: number;
  failed: number;
  seconds: number;
  cpuSeconds: number;
  /** Ours alone: what comes before, once for the bytes of a file. */
  ingest?: { seconds: number; cpuSeconds: number };
  peakMb: number;
  versions?: Record<string, string>;
}

/** `npm run bench -- validate`: ten rules on five million rows against pandera on pandas, and memory at four times as many. */
export async function run({ rounds, json }: BenchOptions): Promise<void> {
  const bin = await python(join(projectRoot(), 'bench', 'requirements.txt'));
  const folder = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  try {
    process.stderr.write('writing rows …\n');
    const file = join(folder, 'rows.csv');
    await writeRows(file, ROWS);
    const out = join(folder, 'peer');
    await mkdir(out);
    const ours: Measured[] = [];
    const peers: Measured[] = [];
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`round ${round + 1} of ${rounds} …\n`);
      ours.push(await validateHere(file, join(folder, 'home')));
      peers.push(await pythonJson<Measured>(bin, [join(projectRoot(), 'bench', 'validate', 'peer.py'), file, out]));
    }
    await rm(file);
    process.stderr.write('four times as many rows …\n');
    const larger = join(folder, 'more.csv');
    await writeRows(larger, MANY);
    report({ ours, peers, many: await validateHere(larger, join(folder, 'home')), json });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A process of its own for each measurement: its memory is that of one validation. */
async function validateHere(file: string, home: string): Promise<Measured> {
  const loader = join(projectRoot(), 'scripts', 'ts-loader.mjs');
  const script = join(projectRoot(), 'bench', 'validate', 'ours.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', loader, script, file, home]);
  await rm(home, { recursive: true, force: true });
  return JSON.parse(stdout) as Measured;
}

interface Figures {
  ours: Measured[];
  peers: Measured[];
  many: Measured;
  json: boolean;
}

function report({ ours, peers, many, json }: Figures): void {
  const secondsOf = (all: Measured[]): number[] => all.map(({ seconds }) => seconds);
  const cpuOf = (all: Measured[]): number[] => all.map(({ cpuSeconds }) => cpuSeconds);
  const whole = (all: Measured[]): number[] => all.map(({ seconds, ingest }) => seconds + (ingest?.seconds ?? 0));
  const peakOf = (all: Measured[]): number => Math.max(...all.map(({ peakMb }) => peakMb));
  const agree = ours[0]?.failed === peers[0]?.failed;
  const figures = {
    seconds: median(secondsOf(ours)),
    ratio: agree ? ratio(secondsOf(peers), secondsOf(ours)) : null,
    ratioOfCpu: agree ? ratio(cpuOf(peers), cpuOf(ours)) : null,
    ratioWithIngest: agree ? ratio(secondsOf(peers), whole(ours)) : null,
    peakMb: peakOf(ours),
    peakMbOfMany: many.peakMb,
    failed: [ours[0]?.failed, peers[0]?.failed],
  };
  if (json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  const versions = Object.entries(peers[0]?.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  const body = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, ${versions.join(', ')}. Medians (smallest–largest) of ${ours.length} rounds in turn.`,
    `From a CSV file to two Parquet tables, good and broken rows, by ten rules; ours also keeps row numbers, rule, reason and the cells of broken rows as they came. Load of the machine at the end: ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores.`,
    '',
    '| | rows | broken | s | CPU s | peak memory, MB |',
    '|---|---|---|---|---|---|',
    `| georefresh | ${ROWS / MILLION} M | ${ours[0]?.failed} | ${spread(secondsOf(ours))} | ${spread(cpuOf(ours))} | ${peakOf(ours).toFixed(0)} |`,
    `| georefresh, with ingest (copy, digest, a look at each byte, count) | ${ROWS / MILLION} M | | ${spread(whole(ours))} | | |`,
    `| pandera on pandas | ${ROWS / MILLION} M | ${peers[0]?.failed} | ${spread(secondsOf(peers))} | ${spread(cpuOf(peers))} | ${peakOf(peers).toFixed(0)} |`,
    `| georefresh | ${MANY / MILLION} M | ${many.failed} | ${many.seconds.toFixed(2)} | ${many.cpuSeconds.toFixed(2)} | ${many.peakMb.toFixed(0)} |`,
    '',
    agree
      ? `Ratio round by round: **${figures.ratio?.toFixed(2)} ×** (goal 3), ${figures.ratioWithIngest?.toFixed(2)} × with ingest, ${figures.ratioOfCpu?.toFixed(2)} × in CPU time; memory at ${MANY / ROWS} times as many rows: **${(many.peakMb / figures.peakMb).toFixed(2)} ×**, ${many.peakMb.toFixed(0)} MB (goal: flat, at most 1,500).`
      : 'No ratio: the two do not find the same rows.',
  ].join('\n');
  writeResults('validate', body);
  process.stderr.write(`${body}\n`);
  if (!agree) process.exitCode = 1;
}
