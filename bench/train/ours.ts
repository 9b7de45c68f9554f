/** Our side of the training benchmark, in a process of its own: ours.ts TASK FOLDER THREADS [TREES]; prints one JSON object. */
import { DuckDBInstance } from '@duckdb/node-api';
import { createKernelPool } from '../../activities/pool/index.js';
import { runSplit } from '../../activities/pool/split.js';
import { type FitOptions, fit, type LearnFeature, toOnnx } from '../../activities/train/learn.js';

const [task = 'boost', folder = '.', threads = '1', trees = '100'] = process.argv.slice(2);

async function read(name: string): Promise<{ features: LearnFeature[]; target: Float64Array }> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const { value: rows } = (
    await connection.runAndReadAll(`select count(*)::int as value from '${folder}/${name}.parquet'`)
  ).getRowObjects()[0] as { value: number };
  const result = await connection.stream(`select * from '${folder}/${name}.parquet'`);
  const names = result.columnNames();
  // Shared, as the pool's threads read them.
  const columns = names.map(() => new Float64Array(new SharedArrayBuffer(rows * 8)));
  for (let at = 0; ; ) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    for (const [c, column] of columns.entries()) column.set(chunk.getColumnValues(c) as number[], at);
    at += chunk.rowCount;
  }
  connection.closeSync();
  const target = columns.pop() as Float64Array;
  const features = columns.map((values, c): LearnFeature => {
    const single = new Float32Array(new SharedArrayBuffer(rows * 4));
    single.set(values);
    return { name: names[c] as string, values: single, categorical: task !== 'forest' && c >= columns.length - 2 };
  });
  return { features, target };
}

const train = await read('train');
const test = await read('test');
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
