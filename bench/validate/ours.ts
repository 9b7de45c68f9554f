/** One measured validation in a process of its own: node ours.ts CSV HOME. Prints one JSON object. */
import { openRecords } from '../../activities/ingest/records.js';
import { judge } from '../../activities/validate/judge.js';
import { recordSource } from '../../config/definition/source.js';
import { openLake } from '../../lake/lake.js';
import { putTable } from '../../lake/tables.js';
import { peakMemory } from '../support/machine.js';
import { CONTRACT } from './data.js';

const [path = '', home = ''] = process.argv.slice(2);
const lake = await openLake({ home, scratchBytes: 1e10, memoryLimit: '600MB', threads: 2 });

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const lap = (): { seconds: number; cpuSeconds: number } => ({
  seconds: performance.now() / 1000,
  cpuSeconds: cpuSeconds(),
});
const between = (from: ReturnType<typeof lap>, to: ReturnType<typeof lap>) => ({
  seconds: to.seconds - from.seconds,
  cpuSeconds: to.cpuSeconds - from.cpuSeconds,
});

const source = recordSource.parse(CONTRACT);
const result = await lake.duckdb.session(async (session) => {
  // What ingest does, once for the bytes of a file: a copy and its digest, a look at every byte, the number of records.
  const started = lap();
  const { path: captured } = await lake.scratch.capture(path, 'csv');
  const files = [{ path: captured, name: 'x' }];
  const looked = await openRecords(source, files, { session, work: lake.scratch, thorough: true });
  await looked.count();
  await looked.close();
  const ingested = lap();
  const records = await openRecords(source, files, { session, work: lake.scratch });
  const { rows, failed, good, aside } = await judge(session, 'x', source, records);
  const options = { prefix: 'bench', keyed: true };
  await putTable(lake, session, { select: good }, { ...options, orderBy: ['_row'] });
  await putTable(lake, session, { select: aside }, { ...options, orderBy: ['row'] });
  await records.close();
  return { rows, failed, ingest: between(started, ingested), ...between(ingested, lap()) };
});
process.stdout.write(JSON.stringify({ ...result, peakMb: peakMemory(process.pid) ?? 0 }));
await lake.close();
