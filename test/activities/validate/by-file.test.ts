import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sample } from '../../../config/pipelines/energy/sample.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { recordOf } from '../../support/partitions.js';
import { type Bench, openBench, type Ran, runPlan } from '../../support/run-plan.js';

const BA = 'energy/eia930/ba';

async function benchOf(): Promise<Bench> {
  const opened = await openBench({ home: await temporaryHome() });
  onTestFinished(() => opened.close());
  return opened;
}

/** Columns and rows of the tables of typed rows that a home has kept, file by file. */
async function keptFiles({ lake }: Bench): Promise<Map<string, number>[]> {
  const found: Map<string, number>[] = [];
  for await (const { key } of lake.store.list('lake/energy/validated/')) {
    const path = lake.scratch.newFile('parquet');
    await lake.store.download(key, path);
    const read = await lake.duckdb.session(async (session) => {
      const columns = await session.describe(`select * from read_parquet('${path}')`);
      if (!columns.some(({ name }) => name === '_partition')) return undefined;
      return session.readColumns(
        `select _partition as name, count(*) as n from read_parquet('${path}') group by 1 order by 1`,
      );
    });
    const { name, n } = read?.columns ?? {};
    if (name?.type === 'text' && n?.type === 'integer')
      found.push(new Map(Array.from(name.codes, (code, i) => [name.dictionary[code] ?? '', n.values[i] ?? 0])));
  }
  return found;
}

test('after any change of some files only they are read, and rows, quarantine and counts are those of a run that reads all (S2.8, S3.21)', async () => {
  const inputs = await temporaryFolder('energy');
  for (const path of sample.files) {
    await mkdir(dirname(join(inputs, path)), { recursive: true });
    await writeFile(join(inputs, path), sample.generate(path));
  }
  // Many files: the engine takes long lists otherwise than short ones.
  const [small = ''] = sample.files.filter((path) => path.startsWith(BA));
  const lines = (await readFile(join(inputs, small), 'utf8')).split('\n').slice(0, 300);
  for (let i = 10; i < 22; i++) await writeFile(join(inputs, BA, `X${i}.csv`), `${lines.join('\n')}\n`);
  const names = (await readdir(join(inputs, BA))).sort().map((name) => `${BA}/${name}`);
  const [first = '', second = '', third = ''] = names;
  const warm = await benchOf();
  const refresh = (run: string, of = warm): Promise<Ran> =>
    runPlan(of, { pipeline: 'energy', inputs, run, only: ['validate'] });
  const edit = async (path: string, change: (lines: string[]) => string[]): Promise<void> => {
    const lines = (await readFile(join(inputs, path), 'utf8')).trimEnd().split('\n');
    await writeFile(join(inputs, path), `${change(lines).join('\n')}\n`);
  };
  const expectAsCold = async (ran: Ran): Promise<void> => {
    const cold = await refresh('cold', await benchOf());
    for (const id of ['ingest/demand', 'validate/demand']) {
      const { tables, quarantine, facts, rowsIn, rowsOut } = recordOf(ran, id);
      expect({ tables, quarantine, facts, rowsIn, rowsOut }).toEqual(
        (({ tables, quarantine, facts, rowsIn, rowsOut }) => ({ tables, quarantine, facts, rowsIn, rowsOut }))(
          recordOf(cold, id),
        ),
      );
    }
  };

  await refresh('first');
  expect((await keptFiles(warm)).map((files) => [...files.keys()])).toContainEqual(names);

  // Broken rows in one file, and an hour that another one has, too.
  await edit(second, (lines) => lines.map((line, i) => (i % 90 === 7 ? line.replace(/^[^,]+/, 'no time') : line)));
  const broken = await refresh('broken');
  expect(recordOf(broken, 'validate/demand').quarantine?.rows).toBeGreaterThan(0);
  expect((await keptFiles(warm)).map((files) => [...files.keys()])).toContainEqual([second]);
  await expectAsCold(broken);

  // Rows twice in an unchanged file's neighbour: later checks see all rows, whichever were read now.
  await edit(third, (lines) => [...lines, ...lines.slice(1, 4)]);
  const doubled = await refresh('doubled');
  const doublesOf = (ran: Ran): number => Number(recordOf(ran, 'validate/demand').facts['rule:once_an_hour']);
  expect(doublesOf(doubled)).toBe(doublesOf(broken) + 3);
  await expectAsCold(doubled);

  // One that is gone moves the numbers of all rows behind it.
  await rm(join(inputs, first));
  const before = (await keptFiles(warm)).length;
  const gone = await refresh('gone');
  expect((await keptFiles(warm)).length).toBe(before);
  await expectAsCold(gone);
}, 180_000);
