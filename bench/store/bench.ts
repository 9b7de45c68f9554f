import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sample } from '../../config/pipelines/ev-sites/sample.js';
import { startFaultProxy } from '../../test/support/fault-proxy.js';
import { findObjectServer } from '../../test/support/object-server-setup.js';
import { serveObjects, TEST_KEYS } from '../../test/support/serve-objects.js';
import type { BenchOptions } from '../main.js';
import { type BenchCluster, startBenchCluster } from '../support/cluster.js';
import { machine } from '../support/machine.js';
import { writeResults } from '../support/results.js';
import { ratio, spread } from '../support/statistics.js';

const PIPELINE = 'ev-sites';
const GOAL = 1.5;

/** A whole refresh whose store is S3, served on this machine, against one whose store is a folder; each step is made anew. */
export async function run({ rounds, json }: BenchOptions): Promise<void> {
  const say = (message: string): void => void process.stderr.write(`${message}\n`);
  const found = await findObjectServer(true, say);
  if ('missing' in found) throw new Error(found.missing);
  const home = await mkdtemp(join(tmpdir(), 'georefresh-bench-'));
  const inputs = join(home, 'inputs');
  for (const path of sample.files) {
    await mkdir(dirname(join(inputs, path)), { recursive: true });
    await writeFile(join(inputs, path), sample.generate(path));
  }
  const server = await serveObjects(found.path, join(home, 's3'));
  const counter = await startFaultProxy(server.port);
  const clusters: BenchCluster[] = [];
  try {
    const start = async (name: string, settings: NodeJS.ProcessEnv): Promise<BenchCluster> => {
      const cluster = await startBenchCluster(join(home, name), settings);
      clusters.push(cluster);
      return cluster;
    };
    const s3 = { ...TEST_KEYS, GEOREFRESH_STORE: 's3://lake/bench', GEOREFRESH_STORE_ENDPOINT: server.endpoint };
    const onFolder = await start('folder', {});
    const onS3 = await start('bucket', s3);
    const refresh = async (cluster: BenchCluster): Promise<number> => {
      const started = performance.now();
      await cluster.refresh({ pipeline: PIPELINE, inputs, force: true });
      return (performance.now() - started) / 1000;
    };
    say('warming up …');
    await refresh(onFolder);
    await refresh(onS3);
    const folder: number[] = [];
    const bucket: number[] = [];
    for (let round = 0; round < rounds; round++) {
      folder.push(await refresh(onFolder));
      bucket.push(await refresh(onS3));
    }
    // Through a proxy, once and untimed: how many requests it takes.
    const counted = await start('counted', { ...s3, GEOREFRESH_STORE_ENDPOINT: counter.endpoint });
    const before = counter.requests;
    await refresh(counted);
    report({ folder, bucket, requests: counter.requests - before, json });
  } finally {
    for (const cluster of clusters) await cluster.stop();
    await counter.close();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

function report({
  folder,
  bucket,
  requests,
  json,
}: {
  folder: number[];
  bucket: number[];
  requests: number;
  json: boolean;
}): void {
  const times = ratio(bucket, folder);
  if (json) process.stdout.write(`${JSON.stringify({ ratio: times, folder, bucket, requests })}\n`);
  const body = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}. Medians (smallest–largest) of ${folder.length} rounds in turn, both warm. A whole refresh of ${PIPELINE} on its sample inputs, every step made anew; the S3 server (versitygw) runs on the same machine, so that its work is counted too.`,
    '',
    '| store | seconds |',
    '|---|---|',
    `| folder | ${spread(folder)} |`,
    `| S3 | ${spread(bucket)} |`,
    '',
    `Ratio, round by round: **${times.toFixed(2)} ×** (goal ${GOAL} at most). Requests of one refresh: ${requests}.`,
  ].join('\n');
  writeResults('store', body);
  process.stderr.write(`${body}\n`);
  if (times > GOAL) process.exitCode = 1;
}
