import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listPipelines, loadPipeline } from '../../config/load.js';
import { loadSettings } from '../../config/settings.js';
import { bringDefinitions } from '../../lake/bring.js';
import { openStore } from '../../lake/open-store.js';
import type { ObjectStore } from '../../lake/types.js';
import { type FaultProxy, type Requested, startFaultProxy } from '../support/fault-proxy.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { type SmallPipeline, writeSmallPipeline } from '../support/small-pipeline.js';

const MOST_FILES = 1000;

describe('places of definitions in the settings', () => {
  const env = (places: string) => ({ GEOREFRESH_PIPELINES: places });

  it('are folders and buckets, joined as in PATH', () => {
    const at = { root: '/root', cwd: '/here', processors: 2 };
    const { pipelines } = loadSettings(env('mine:s3://lake/defs/:/abs'), undefined, at);
    expect(pipelines).toEqual(['/here/mine', 's3://lake/defs', '/abs']);
  });

  it.each(['s3://key:secret@lake/defs', 'https://example.org/defs'])('refuse %s (GR-1002)', (place) => {
    const file = { path: 'settings.yaml', text: `pipelines: ['${place}']` };
    expect(() => loadSettings({}, file)).toThrow(expect.objectContaining({ code: 'GR-1002' }));
  });
});

needs('store').describe('definitions in a bucket', () => {
  let root: string;
  let server: ObjectServerProcess;
  let proxy: FaultProxy;
  let small: SmallPipeline;
  let prefix = '';
  let prefixes = 0;
  let store: ObjectStore;
  let home: string;

  beforeAll(async () => {
    Object.assign(process.env, TEST_KEYS);
    bringDefinitions();
    root = await temporaryFolder('s3');
    server = await startObjectServer(root);
    proxy = await startFaultProxy(server.port);
    small = await writeSmallPipeline(await temporaryFolder());
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    proxy.decide = () => undefined;
    prefix = `definitions-${prefixes++}`;
    home = await temporaryHome();
    store = await openStore(`s3://lake/${prefix}`, { endpoint: server.endpoint });
    for (const name of await readdir(join(small.pipelines, small.name)))
      await put(`${small.name}/${name}`, await readFile(join(small.pipelines, small.name, name), 'utf8'));
  });

  const put = async (key: string, text: string): Promise<void> => {
    await store.delete(key);
    await store.putIfAbsent(key, Buffer.from(text));
  };
  const places = () => ({
    home,
    pipelines: [`s3://lake/${prefix}`],
    storage: { endpoint: proxy.endpoint },
  });
  /** How many objects were fetched while `work` ran. */
  const fetchesOf = async (work: () => Promise<unknown>): Promise<number> => {
    let fetches = 0;
    proxy.decide = ({ method, url }: Requested) => {
      if (method === 'GET' && !url.includes('list-type')) fetches++;
      return undefined;
    };
    await work();
    proxy.decide = () => undefined;
    return fetches;
  };

  it('are loaded as from a folder, by name or by URI, and told by their place in the bucket', async () => {
    const local = await loadPipeline(small.name, { pipelines: [small.pipelines] });
    const { pipeline, files, sql } = await loadPipeline(small.name, places());
    expect({ pipeline, sql }).toEqual({ pipeline: local.pipeline, sql: local.sql });
    const digests = (of: typeof files) => Object.entries(of).map(([name, { sha256 }]) => [name, sha256]);
    expect(digests(files)).toEqual(digests(local.files));
    expect((await listPipelines(places())).map(({ name }) => name)).toEqual([small.name]);
    const { pipelines: _, ...access } = places();
    expect((await loadPipeline(`s3://lake/${prefix}/${small.name}`, access)).pipeline).toEqual(pipeline);
    await put(`${small.name}/context.sql`, 'select * from self where x = $nothing');
    const fault = expect.stringContaining(`s3://lake/${prefix}/${small.name}/context.sql:1:`);
    await expect(loadPipeline(small.name, places())).rejects.toMatchObject({ code: 'GR-1003', message: fault });
    await expect(loadPipeline('shop-next', places())).rejects.toMatchObject({ code: 'GR-4001' });
  });

  it('are fetched once: of a new state only the files whose ETags are others, and what was altered here', async () => {
    expect(await fetchesOf(() => loadPipeline(small.name, places()))).toBe(3);
    expect(await fetchesOf(() => loadPipeline(small.name, places()))).toBe(0);
    await put(`${small.name}/context.sql`, 'select *, 1 as fold from self');
    expect(await fetchesOf(() => loadPipeline(small.name, places()))).toBe(1);
    const { folder, sql } = await loadPipeline(small.name, places());
    expect(sql['context.sql']).toBe('select *, 1 as fold from self');
    await writeFile(join(folder, 'context.sql'), 'drop table self');
    expect(await fetchesOf(() => loadPipeline(small.name, places()))).toBe(1);
    expect((await loadPipeline(small.name, places())).sql).toEqual(sql);
    await rm(join(home, 'definitions'), { recursive: true });
    const both = [loadPipeline(small.name, places()), loadPipeline(small.name, places())];
    for (const one of await Promise.all(both)) expect(one.sql).toEqual(sql);
  });

  it('are of one state of the place, also where it is changed while they are read', async () => {
    let changed: Promise<void> | undefined;
    proxy.decide = ({ method, url }) => {
      if (method !== 'GET' || url.includes('list-type') || changed !== undefined) return undefined;
      changed = put(`${small.name}/context.sql`, 'select *, 2 as fold from self');
      return 'slow';
    };
    await loadPipeline(small.name, places());
    await changed;
    expect((await loadPipeline(small.name, places())).sql['context.sql']).toBe('select *, 2 as fold from self');
  });

  it('never lie outside the prefix, and bring no other files', async () => {
    const beside = await openStore('s3://lake', { endpoint: server.endpoint });
    await beside.putIfAbsent(`${prefix}-beside/other/pipeline.yaml`, Buffer.from('{}'));
    await beside.putIfAbsent('other/pipeline.yaml', Buffer.from('{}'));
    await put('notes.txt', 'of people');
    await put(`${small.name}/deeper/pipeline.yaml`, '{}');
    await put(`${small.name}/README.md`, 'of people');
    expect((await listPipelines(places())).map(({ name }) => name)).toEqual([small.name]);
    const { folder } = await loadPipeline(small.name, places());
    expect((await readdir(folder)).sort()).toEqual(['context.sql', 'pipeline.yaml', 'ranked.sql']);
    expect((await readdir(join(folder, '..'))).sort()).toEqual(['index.json', small.name]);
    beside.close?.();
  });

  it('with code are refused (GR-1003), as are too many, too large ones, and buckets that are not there', async () => {
    await put('other/sample.ts', 'export const sample = {};');
    expect((await loadPipeline(small.name, places())).pipeline.name).toBe(small.name);
    await put(`${small.name}/sample.ts`, 'export const sample = {};');
    await expect(loadPipeline(small.name, places())).rejects.toMatchObject({
      code: 'GR-1003',
      message: expect.stringMatching(/sample\.ts is code, which does not come from a bucket/),
    });
    await store.delete(`${small.name}/sample.ts`);
    await put(`${small.name}/large.sql`, 'x'.repeat(1_000_001));
    const large = { code: 'GR-1003', message: expect.stringContaining('large.sql has 1000001 bytes') };
    await expect(loadPipeline(small.name, places())).rejects.toMatchObject(large);
    await store.delete(`${small.name}/large.sql`);
    const many = Array.from({ length: MOST_FILES }, (_, i) => join(root, 'lake', prefix, small.name, `many${i}.sql`));
    for (const path of many) await writeFile(path, 'select 1');
    const tooMany = { code: 'GR-1003', message: expect.stringContaining(`more than ${MOST_FILES} files`) };
    await expect(loadPipeline(small.name, places())).rejects.toMatchObject(tooMany);
    const nowhere = { ...places(), pipelines: ['s3://nobody-has-it/x'] };
    await expect(listPipelines(nowhere)).rejects.toMatchObject({ code: 'GR-5007' });
    const { home: _, ...homeless } = places();
    await expect(listPipelines(homeless)).rejects.toMatchObject({ code: 'GR-1002' });
  });
});
