import { existsSync } from 'node:fs';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { stringify } from 'yaml';
import { pipeline as schema } from '../config/definition/pipeline.js';
import { GeorefreshError } from '../config/errors.js';
import { loadPipeline } from '../config/load.js';
import { projectRoot } from '../config/root.js';
import { inferContract } from './infer.js';

export interface InitRequest {
  name: string;
  /** Folder of pipelines, in which one of that name is made. */
  pipelines: string;
  /** A CSV file whose columns the pipeline is to have; without one a small example. */
  from?: string;
}

/** Bytes of a file that become the sample, cut at a line. */
const SAMPLE_BYTES = 32_768;

const EXAMPLE = `place,day,visits,spent
${Array.from({ length: 40 }, (_, i) => `p${(i % 4) + 1},2026-01-${String(1 + Math.floor(i / 4)).padStart(2, '0')},${3 + ((i * 7) % 11)},${(12.5 + ((i * 13) % 17)).toFixed(2)}`).join('\n')}
`;

/**
 * Writes a pipeline that runs at once: its definition with a contract that the file meets, SQL to go on from, a sample of
 * the first rows, and a test. Answers the files. Throws GR-1001 where the name cannot be, and where there is one already.
 */
export async function initPipeline({ name, pipelines, from }: InitRequest): Promise<string[]> {
  if (!schema.shape.name.safeParse(name).success)
    throw new GeorefreshError('GR-1001', `${name} is no name of a pipeline: lower-case letters, digits and -`);
  const folder = join(pipelines, name);
  if (existsSync(folder)) throw new GeorefreshError('GR-1001', `${folder} is there already`);
  if (from !== undefined && !existsSync(from)) throw new GeorefreshError('GR-4011', from);
  const text = from === undefined ? EXAMPLE : await headOf(from);
  await mkdir(pipelines, { recursive: true });
  await mkdir(folder);
  try {
    return await fill(folder, { name, pipelines, ...(from !== undefined && { from }) }, text);
  } catch (error) {
    // What cannot be finished would stand in the way of the next attempt.
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Where the file of a new pipeline's source goes, below the inputs. */
export const inputOf = ({ name, from }: Pick<InitRequest, 'name' | 'from'>): string =>
  `${name}/${from === undefined ? 'visits.csv' : basename(from)}`;

async function fill(folder: string, { name, pipelines, from }: InitRequest, text: string): Promise<string[]> {
  const written: string[] = [];
  const write = async (file: string, content: string): Promise<void> => {
    await writeFile(join(folder, file), content, { flag: 'wx' });
    written.push(join(folder, file));
  };

  const uri = inputOf({ name, ...(from !== undefined && { from }) });
  await write('sample.mjs', sampleModule(uri, text));
  const example = join(folder, 'sample.csv');
  if (from === undefined) await write('sample.csv', text);
  const { columns, ...how } = await inferContract(from ?? example);
  if (how.format !== 'csv') throw new GeorefreshError('GR-2002', `${from} is no CSV`);
  const key = Object.entries(columns).find(([, rules]) => rules.unique === true && rules.required === true)?.[0];
  await write('pipeline.yaml', definitionOf(name, { uri, ...how, columns }, key));
  await write('rows.sql', sqlOf(Object.keys(columns), key));
  await write(`${name}.test.mjs`, testOf(name, folder));
  await loadPipeline(name, { pipelines: [pipelines] });
  return written;
}

/** The first lines of a file, whole ones only. */
async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    const text = buffer.subarray(0, bytesRead).toString('utf8');
    return bytesRead < SAMPLE_BYTES ? text : text.slice(0, text.lastIndexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

function definitionOf(name: string, source: object, key: string | undefined): string {
  const definition = {
    name,
    title: name,
    description: `Reads ${name}, and publishes what rows.sql makes of it.`,
    sources: { records: { ...source, maxQuarantinedShare: 0.05 } },
    features: { rows: { uses: ['records'], key: [key ?? 'row_number'], steps: [{ sql: 'rows.sql' }] } },
    outputs: { rows: { table: 'rows' } },
  };
  return `# What each key means: docs/reference/pipeline.md. The contract is a first guess: bounds are those of the file it was made of.
${stringify(definition, { lineWidth: 120 })}`;
}

const sqlOf = (columns: string[], key: string | undefined): string =>
  `-- One select over the tables named in \`uses\`; here every row as it is.
select
  ${[...(key === undefined ? ['row_number() over (order by _row) as row_number'] : []), ...columns.map((one) => `"${one}"`)].join(',\n  ')}
from records
`;

const sampleModule = (uri: string, text: string): string =>
  `// What the pipeline runs on where nobody has put files into the inputs folder: the first rows of what it was made of.
const files = {
  ${JSON.stringify(uri)}: ${JSON.stringify(text)},
};

export const sample = {
  seed: 1,
  files: Object.keys(files),
  generate: (path) => new TextEncoder().encode(files[path]),
};
`;

const testOf = (name: string, folder: string): string => {
  const cli = relative(folder, join(projectRoot(), 'dist', 'client', 'cli', 'main.js'))
    .split(sep)
    .join('/');
  return `// Refreshes the pipeline on its sample, in a home of its own: node --test ${name}.test.mjs
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL(${JSON.stringify(cli)}, import.meta.url));

test('${name} is published from its sample', () => {
  const home = mkdtempSync(join(tmpdir(), '${name}-'));
  const pipelines = fileURLToPath(new URL('..', import.meta.url));
  const env = { ...process.env, GEOREFRESH_HOME: home, GEOREFRESH_PIPELINES: pipelines };
  const said = execFileSync(process.execPath, [cli, 'refresh', '${name}', '--json'], { env, encoding: 'utf8' });
  const summary = JSON.parse(said.trimEnd().split('\\n').at(-1));
  assert.equal(summary.outcome, 'published');
  assert.ok(summary.outputs.some(({ name, rows }) => name === 'rows.parquet' && rows > 0));
});
`;
};
