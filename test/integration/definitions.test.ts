import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { openStore } from '../../lake/open-store.js';
import { startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { writeSmallPipeline } from '../support/small-pipeline.js';

const MAIN = join(import.meta.dirname, '../../dist/client/cli/main.js');

needs('engine', 'store').test(
  'a pipeline whose definition lies in a bucket is listed, validated, planned and refreshed, as it is there now (S2.13)',
  async () => {
    Object.assign(process.env, TEST_KEYS);
    const small = await writeSmallPipeline(await temporaryFolder());
    const server = await startObjectServer(await temporaryFolder('s3'));
    const home = await temporaryHome();
    const env = {
      ...TEST_KEYS,
      GEOREFRESH_PIPELINES: 's3://lake/definitions',
      GEOREFRESH_STORE_ENDPOINT: server.endpoint,
    };
    const store = await openStore('s3://lake/definitions', { endpoint: server.endpoint });
    const text = async (name: string) => readFile(join(small.pipelines, small.name, name), 'utf8');
    for (const name of await readdir(join(small.pipelines, small.name)))
      await store.putIfAbsent(`${small.name}/${name}`, Buffer.from(await text(name)));
    const cluster = await startCluster({ home, workers: 1, env });
    const georefresh = async (...args: string[]) => {
      const { PATH } = process.env;
      const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], {
        env: { PATH, ...env, GEOREFRESH_HOME: home },
      });
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    };
    try {
      const request = { pipeline: small.name, inputs: small.inputs };
      expect(await cluster.client.pipelines()).toEqual([small.name]);
      const validated = await georefresh('validate', `${small.name}/shops`, '--inputs', small.inputs, '--json');
      expect(validated).toMatchObject({ accepted: true });
      const planned = await cluster.client.plan(request);
      expect(planned.steps.every(({ decision }) => decision === 'run')).toBe(true);
      expect(await (await cluster.client.refresh(request)).result()).toMatchObject({ generation: 1 });
      const again = await georefresh('plan', small.name, '--inputs', small.inputs, '--json');
      expect(again).toMatchObject({ pipeline: small.name });
      expect(JSON.stringify(again)).not.toContain('"decision":"run"');
      // A definition that is changed there is the next refresh's.
      await store.delete(`${small.name}/ranked.sql`);
      const changed = (await text('ranked.sql')).replace('order by p.score desc', 'order by p.score');
      expect(changed).not.toBe(await text('ranked.sql'));
      await store.putIfAbsent(`${small.name}/ranked.sql`, Buffer.from(changed));
      const remade = (await cluster.client.plan(request)).steps.filter(({ decision }) => decision === 'run');
      expect(remade.map(({ id }) => id)).toContain('score/ranked');
      expect(await (await cluster.client.refresh(request)).result()).toMatchObject({ generation: 2 });
    } finally {
      await cluster.end();
      store.close?.();
      await server.stop();
    }
  },
);
