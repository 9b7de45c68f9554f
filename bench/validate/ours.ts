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
const started = performance.now();
const { path: captured } = await lake.scratch.capture(path, 'csv');
const source = recordSource.parse(CONTRACT);
const result = await lake.duckdb.session(async (session) => {
  const file = { path: captured, name: 'x' };
  const records = await openRecords(source, [file], { session, work: lake.scratch, thorough: true });
  await records.count();
  const { rows, failed, good, aside } = await judge(session, 'x', source, records);
  const options = { prefix: 'bench', keyed: true };
  await putTable(lake, session, { select: good }, { ...options, orderBy: ['_row'] });
  await putTable(lake, session, { select: aside }, { ...options, orderBy: ['row'] });
  await records.close();
  return { rows, failed };
});
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage();
process.stdout.write(
  JSON.stringify({ ...result, seconds, cpuSeconds: (user + system) / 1e6, peakMb: peakMemory(process.pid) ?? 0 }),
);
await lake.close();
