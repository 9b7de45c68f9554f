/** Our side of the training benchmark, in a process of its own: ours.ts TASK FOLDER THREADS [TREES]; prints one JSON object. */
import { createKernelPool } from '../../activities/pool/index.js';
import { runSplit } from '../../activities/pool/split.js';
import { type FitOptions, fit, toOnnx } from '../../activities/train/learn.js';
import { readSplit } from './read.js';

const [task = 'boost', folder = '.', threads = '1', trees = '100'] = process.argv.slice(2);

const train = await readSplit(folder, 'train');
const test = await readSplit(folder, 'test');
// The peer's forest knows no categories.
if (task === 'forest') for (const feature of [...train.features, ...test.features]) feature.categorical = false;
const numThreads = Number(threads);
const options: FitOptions =
  task === 'forest' ? { learner: 'forest', numIterations: Number(trees), numThreads } : { learner: 'gbdt', numThreads };

let started = performance.now();
let used = process.cpuUsage();
const model = await fit(train, options);
let seconds = (performance.now() - started) / 1000;
let { user, system } = process.cpuUsage(used);
if (task === 'score') {
  const pool = createKernelPool({ threads: numThreads });
  const input = { model: toOnnx(model), matrix: { rows: train.target.length, features: train.features as never } };
  started = performance.now();
  used = process.cpuUsage();
  await runSplit(pool, 'scoreOnnx', input, train.target.length);
  seconds = (performance.now() - started) / 1000;
  ({ user, system } = process.cpuUsage(used));
  await pool.close();
}
const predicted = model.predict(test.features);
let mse = 0;
for (const [row, value] of predicted.entries()) mse += (value - (test.target[row] as number)) ** 2 / predicted.length;
const rss = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ seconds, cpu: (user + system) / 1e6, mse, rss }));
