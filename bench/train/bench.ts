import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../../config/root.js';
import type { BenchOptions } from '../main.js';
import { machine } from '../support/machine.js';
import { python, pythonJson } from '../support/python.js';
import { writeResults } from '../support/results.js';
import { median, ratio, spread } from '../support/statistics.js';

const run_ = promisify(execFile);

interface Run {
  seconds: number;
  cpu: number;
  mse: number;
  /** MB at the peak. */
  rss: number;
  variance?: number;
  versions?: Record<string, string>;
}

interface Case {
  title: string;
  task: 'boost' | 'forest' | 'score' | 'cancel';
  rows: number;
  features: number;
  trees: number;
  /** Rounds at most, where one takes minutes. */
  most?: number;
}

const CASES: Case[] = [
  { title: 'boosting, 200 k × 30', task: 'boost', rows: 200_000, features: 30, trees: 100 },
  { title: 'boosting, 1 M × 28', task: 'boost', rows: 1_000_000, features: 28, trees: 100 },
  { title: 'forest, 200 k × 30', task: 'forest', rows: 200_000, features: 30, trees: 100, most: 3 },
  { title: 'scoring, 1 M × 30', task: 'score', rows: 1_000_000, features: 30, trees: 100 },
  { title: 'cancellation, 1 M × 28', task: 'cancel', rows: 1_000_000, features: 28, trees: 0 },
];

/**
 * Training and scoring against LightGBM and scikit-learn, in turn, two threads each, every run in a process of its own.
 * GEOREFRESH_BENCH_CASES picks cases by number; GEOREFRESH_BENCH_TREES makes forests smaller.
 */
export async function run({ rounds, json }: BenchOptions): Promise<void> {
  const bin = await python(join(projectRoot(), 'bench', 'requirements.txt'));
  const folder = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  const wanted = process.env.GEOREFRESH_BENCH_CASES?.split(',').map(Number) ?? CASES.map((_, i) => i + 1);
  const trees = Number(process.env.GEOREFRESH_BENCH_TREES ?? 100);
  const [load = 0] = loadavg();
  try {
    const lines: string[] = [];
    for (const [i, one] of CASES.entries()) {
      if (!wanted.includes(i + 1)) continue;
      const own = Math.min(rounds, one.most ?? rounds);
      const given = one.task === 'forest' ? { ...one, trees } : one;
      lines.push(...(await (one.task === 'cancel' ? cancelCase(one, bin, folder) : runCase(given, own, bin, folder))));
      // What was measured is kept, should a later case be broken off.
      keep(lines);
    }
    if (json) process.stdout.write(`${JSON.stringify({ lines })}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }

  function keep(lines: string[]): void {
    const body = [
      `${new Date().toISOString().slice(0, 10)}, ${machine()}. Two threads each, ${rounds} rounds in turn (the forest 3 at most), every run in a process of its own, every round on data of another seed; load average ${load.toFixed(1)} at the start, which should be near 0.`,
      'Seconds and CPU seconds are medians (smallest–largest), binning counted on both sides, reading not; ratios are peer by ours, round by round.',
      '',
      '| | ours, s | peer, s | ratio | ours, CPU s | peer, CPU s | ratio of CPU | held-out squared error by that of the peer | peak, MB, ours and peer |',
      '|---|---|---|---|---|---|---|---|---|',
      ...lines,
    ].join('\n');
    writeResults('train', body);
    process.stderr.write(`${body}\n`);
  }
}

const LOADER = join(projectRoot(), 'scripts', 'ts-loader.mjs');
const HERE = join(projectRoot(), 'bench', 'train');

const makeData = (bin: string, folder: string, { rows, features }: Case, seed: number) =>
  run_(bin, [join(HERE, 'data.py'), folder, String(rows), String(features), String(seed)]);

const ownJson = async <T>(program: string, args: string[]): Promise<T> =>
  JSON.parse((await run_(process.execPath, ['--import', LOADER, join(HERE, program), ...args])).stdout) as T;

/** From the signal to the end of a fit, at moments all through it. */
async function cancelCase(one: Case, bin: string, folder: string): Promise<string[]> {
  process.stderr.write(`${one.title} …\n`);
  await makeData(bin, folder, one, 0);
  const { longest } = await ownJson<{ longest: Record<string, number> }>('cancel.ts', [folder, '2', '8']);
  const each = Object.entries(longest).map(([learner, ms]) => `${learner} ${ms.toFixed(0)}`);
  return [
    `| ${one.title}: ms from the signal to the end, longest of 8 moments (goal 250): ${each.join(', ')} ${'| '.repeat(9)}`,
  ];
}

async function runCase(one: Case, rounds: number, bin: string, folder: string): Promise<string[]> {
  const { title, task, trees } = one;
  process.stderr.write(`${title} …\n`);
  const args = (threads: number): string[] => [task, folder, String(threads), String(trees)];
  const peer = (threads: number): Promise<Run> => pythonJson(bin, [join(HERE, 'peer.py'), ...args(threads)]);
  const own = (threads: number): Promise<Run> => ownJson('ours.ts', args(threads));
  const peers: Run[] = [];
  const ours: Run[] = [];
  const single: Run[] = [];
  for (let round = 0; round < rounds; round++) {
    await makeData(bin, folder, one, round);
    ours.push(await own(2));
    peers.push(await peer(2));
    if (task === 'boost') single.push(await own(1));
  }
  const of = (runs: Run[], key: 'seconds' | 'cpu' | 'rss' | 'mse') => runs.map((one) => one[key]);
  const versions = Object.entries(peers[0]?.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  const cells = [
    `${title}${task === 'forest' ? `, ${trees} trees` : ''} (${versions.join(', ')})`,
    spread(of(ours, 'seconds')),
    spread(of(peers, 'seconds')),
    `**${ratio(of(peers, 'seconds'), of(ours, 'seconds')).toFixed(2)} ×**`,
    spread(of(ours, 'cpu')),
    spread(of(peers, 'cpu')),
    `${ratio(of(peers, 'cpu'), of(ours, 'cpu')).toFixed(2)} ×`,
    `${ratio(of(ours, 'mse'), of(peers, 'mse')).toFixed(4)}`,
    `${median(of(ours, 'rss')).toFixed(0)}, ${median(of(peers, 'rss')).toFixed(0)}`,
  ];
  const lines = [`| ${cells.join(' | ')} |`];
  if (single.length > 0) {
    const gain = ratio(of(single, 'seconds'), of(ours, 'seconds')).toFixed(2);
    const alone = [
      `${title}: one thread of ours by two`,
      spread(of(single, 'seconds')),
      '',
      `${gain} ×`,
      spread(of(single, 'cpu')),
    ];
    lines.push(`| ${[...alone, '', '', '', ''].join(' | ')} |`);
  }
  return lines;
}
