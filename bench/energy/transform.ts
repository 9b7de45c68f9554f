import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRecords } from '../../activities/ingest/records.js';
import { PARTITION } from '../../activities/partitions/ledger.js';
import { partitionOf } from '../../activities/partitions/steps/rows.js';
import { judge } from '../../activities/validate/judge.js';
import type { Pipeline } from '../../config/definition/pipeline.js';
import { loadPipeline } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { openLake } from '../../lake/index.js';
import type { Session } from '../../lake/session.js';
import { bare } from '../../lake/sql.js';

const GOLD = ['daily', 'monthly', 'system_hourly', 'pjm_hourly'];
const FOLDERS: Readonly<Record<string, string>> = { demand: 'energy/eia930/ba', pjm: 'energy/pjm' };

interface Made {
  seconds: number;
  peak_rss_mb: number;
  sums: Record<string, number>;
}

/** Bronze to gold by the pipeline's own contract and SQL, Parquet at the end; without an engine, digests and durable writes. */
async function transform(data: string, home: string): Promise<Made> {
  const { pipeline } = await loadPipeline('energy', { pipelines: [join(projectRoot(), 'config', 'pipelines')] });
  const lake = await openLake({ home, scratchBytes: 4e9, memoryLimit: '700MB', threads: 2 });
  try {
    const copies = await Promise.all(Object.keys(FOLDERS).map(async (name) => [name, await captured(name)] as const));
    const started = performance.now();
    const sums = await lake.duckdb.session(async (session) => {
      for (const [name, files] of copies) await silver(session, pipeline, name, files);
      const found: Record<string, number> = {};
      for (const name of GOLD) found[name] = await gold(session, pipeline, name);
      return found;
    });
    const seconds = (performance.now() - started) / 1000;
    return { seconds, peak_rss_mb: process.resourceUsage().maxRSS / 1024, sums };
  } finally {
    await lake.close();
  }

  /** Statements see the scratch folder alone: the files are there before the clock runs, as bronze is. */
  async function captured(name: string): Promise<{ path: string; name: string }[]> {
    const folder = join(data, FOLDERS[name] ?? '');
    const files: { path: string; name: string }[] = [];
    for (const file of readdirSync(folder).sort()) {
      const { path } = await lake.scratch.capture(join(folder, file), 'csv', {});
      files.push({ path, name: `${FOLDERS[name]}/${file}` });
    }
    return files;
  }

  async function silver(
    session: Session,
    { sources }: Pipeline,
    name: string,
    files: { path: string; name: string }[],
  ) {
    const source = sources[name];
    if (source === undefined) throw new Error(`no source is called ${name}`);
    const records = await openRecords(source, files, { session, work: lake.scratch });
    const judged = await judge(session, name, source, records);
    const path = lake.scratch.newFile('parquet');
    await session.writeParquet(judged.good, { orderBy: [...source.sort, '_row'], keyed: true, path });
    await session.attachParquet(name, path);
    await records.close();
  }

  async function gold(session: Session, { features }: Pipeline, name: string): Promise<number> {
    const table = features[name];
    const [step] = table?.steps ?? [];
    if (table?.from === undefined || step === undefined || !('sql' in step))
      throw new Error(`${name} is no table of SQL`);
    const by = table.partition;
    await session.run(
      `create or replace temp view self as select *${by === undefined ? '' : `, ${partitionOf(by)} as ${PARTITION}`} from ${table.from}`,
    );
    const path = lake.scratch.newFile('parquet');
    const select = by === undefined ? bare(step.sql) : `select * exclude (${PARTITION}) from (${bare(step.sql)}\n)`;
    const { rows } = await session.writeParquet(select, { orderBy: table.key, keyed: true, path });
    await session.run('drop view self');
    await session.attachParquet(name, path);
    return rows;
  }
}

/** A process of its own, so that its memory is its own too. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [data = '', home = ''] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await transform(data, home))}\n`);
}
