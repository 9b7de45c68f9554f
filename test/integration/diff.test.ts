import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ExplainedRow } from '../../client/diff-moves.js';
import type { SnapshotDiff } from '../../client/index.js';
import { georefresh } from '../client/cli/shells.js';
import { startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { writeSmallPipeline } from '../support/small-pipeline.js';
import { faultsOf } from '../support/snapshots.js';

needs('engine').describe('two refreshes on a real engine', () => {
  test('differ by what was added between them, told without the engine and without leaving a trace (S0.18, S2.27)', async () => {
    const small = await writeSmallPipeline(await temporaryFolder());
    const home = await temporaryHome();
    const env = { GEOREFRESH_HOME: home, GEOREFRESH_PIPELINES: small.pipelines };
    const cluster = await startCluster({ home, workers: 1, env });
    try {
      const refresh = async (cut: number): Promise<string> => {
        const request = { pipeline: small.name, inputs: small.inputs, overrides: { cut } };
        return (await (await cluster.client.refresh(request)).result()).outcome;
      };
      expect(await refresh(250)).toBe('published');
      await appendFile(join(small.inputs, 'shops.csv'), '401,0.31000,0.33000\n');
      expect(await refresh(251)).toBe('published');
    } finally {
      await cluster.end();
    }

    const { code, out } = await georefresh(['diff', small.name, '--json', '--exit-code'], env);
    expect(code).toBe(1);
    const diff = JSON.parse(out) as SnapshotDiff;
    expect(diff).toMatchObject({
      before: { generation: 1, modelVersion: 'v1' },
      after: { generation: 2, modelVersion: 'v2' },
      definitionChanged: true,
      parameters: [{ name: 'cut', before: 250, after: 251 }],
      sources: [{ name: 'shops', before: { rows: 400 }, after: { rows: 401 } }],
    });
    const [blocks] = diff.tables;
    expect(blocks?.diff?.rows).toMatchObject({ before: 240, after: 240, added: 0, gone: 0 });
    const near = ((blocks?.diff?.differing ?? []) as ExplainedRow[]).flatMap(({ features }) => features);
    expect(near.map(({ feature }) => feature)).toContain('far');
    expect((await georefresh(['diff', small.name, '1', 'g1', '--exit-code'], env)).code).toBe(0);
    expect(await faultsOf(home, small.name)).toEqual([]);
  });
});
