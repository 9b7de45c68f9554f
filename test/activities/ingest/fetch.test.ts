import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fetchFile } from '../../../activities/ingest/fetch.js';
import { recordSource } from '../../../config/definition/source.js';
import { putArtifact } from '../../../lake/artifacts.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { headerOf, openBench, perform } from '../../support/run-plan.js';

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(
    () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an address is fetched once for each state of its file, by its tag', async () => {
  const asked: (string | undefined)[] = [];
  let content = 'a\n1\n';
  const base = await serve((request, response) => {
    asked.push(request.headers['if-none-match']);
    const etag = `"${content.length}"`;
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag }).end(content);
  });
  const bench = await openBench({ home: await temporaryHome() });
  onTestFinished(() => bench.close());
  const source = recordSource.parse({
    uri: `${base}/x.csv?key=secret`,
    format: 'csv',
    columns: { a: { type: 'text' } },
  });
  const frozen = {
    pipeline: { name: 'demo', sources: { x: source } },
    sources: [{ name: 'x', from: 'file', path: source.uri }],
  };
  const definition = await putArtifact(
    bench.lake.store,
    'lake/demo/state',
    Buffer.from(JSON.stringify(frozen)),
    'json',
  );
  const step = { id: 'ingest/x', stage: 'ingest' as const };
  const ingest = () =>
    perform(bench.activities.ingest, { header: headerOf('demo'), definition, step, tables: {}, artifacts: {} });

  const [first, again] = [await ingest(), await ingest()];
  expect(again.artifacts).toEqual(first.artifacts);
  content = 'a\n1\n2\n';
  expect((await ingest()).rowsOut).toBe(2);
  expect(asked).toEqual([undefined, '"4"', '"4"']);
});

test.each([
  ['nothing there', 404, 'x', 'GR-2001'],
  ['a server at fault', 503, 'x', 'GR-2008'],
  ['more than may come', 200, 'x'.repeat(2000), 'GR-2007'],
])('%s is told by the address without its key', async (_, status, content, code) => {
  const base = await serve((_request, response) => response.writeHead(status).end(content));
  const to = join(await temporaryFolder(), 'x');
  const failure = await fetchFile(`${base}/x?key=secret`, to, { limit: 1000 }).catch((error: Error) => error);
  expect(failure).toMatchObject({ code });
  expect((failure as Error).message).not.toContain('secret');
  expect((failure as Error).message).toContain(`${base}/x`);
});

test('a server that stops in the middle is tried again', async () => {
  const base = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.destroy());
  });
  const to = join(await temporaryFolder(), 'x');
  await expect(fetchFile(base, to, { limit: 1000 })).rejects.toMatchObject({ code: 'GR-2008' });
  expect((await readFile(to, 'utf8')).length).toBeLessThan(100);
});
