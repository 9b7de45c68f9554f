import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore } from '../../lake/open-store.js';
import { type RemoteOptions, RemoteStore } from '../../lake/remote-store.js';
import { S3Bucket } from '../../lake/s3-bucket.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { storeConformance } from './support/store-conformance.js';
import { storeFaults } from './support/store-faults.js';

/** Objects larger than this are copied in parts; no part but the last may be smaller. */
const COPY_BYTES = 5 << 20;

needs('store').describe('an S3 store (S2.13)', () => {
  let root: string;
  let server: ObjectServerProcess;
  let proxy: FaultProxy;
  let stores = 0;

  beforeAll(async () => {
    Object.assign(process.env, TEST_KEYS);
    root = await mkdtemp(join(tmpdir(), 'georefresh-s3-'));
    server = await startObjectServer(root);
    proxy = await startFaultProxy(server.port);
  });

  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
    await rm(root, { recursive: true, force: true });
  });

  const makeStore = (endpoint: string, options: RemoteOptions, prefix = `store-${stores++}`): RemoteStore =>
    new RemoteStore(new S3Bucket(server.bucket, { endpoint, copyBytes: COPY_BYTES }), prefix, options);
  const conformance = (pageSize: number) => async () => {
    const store = makeStore(server.endpoint, { pageSize });
    return { store, close: async () => store.close() };
  };

  storeConformance('S3', conformance(1000));
  storeConformance('S3, listed page by page of one', conformance(1));
  storeFaults(() => {
    const prefix = `store-${stores++}`;
    return { proxy, makeStore: (options = {}) => makeStore(proxy.endpoint, options, prefix) };
  });

  it('copies an object in parts that is larger than a request may copy, each part of the state that was listed', async () => {
    const store = makeStore(proxy.endpoint, {});
    const ranges: string[] = [];
    const states = new Set<unknown>();
    await store.putIfAbsent('snapshots/a/big', Buffer.alloc(COPY_BYTES * 2 + 1000, 7));
    await store.putIfAbsent('snapshots/a/small', Buffer.from('small'));
    proxy.decide = ({ headers }) => {
      if (headers['x-amz-copy-source-range'] === undefined) return undefined;
      ranges.push(String(headers['x-amz-copy-source-range']));
      states.add(headers['x-amz-copy-source-if-match']);
      return undefined;
    };
    await store.alias('latest', 'snapshots/a');
    proxy.decide = () => undefined;
    const [one, two] = [COPY_BYTES, 2 * COPY_BYTES];
    expect(ranges.sort()).toEqual(
      [`bytes=0-${one - 1}`, `bytes=${two}-${two + 999}`, `bytes=${one}-${two - 1}`].sort(),
    );
    expect([...states]).toEqual([(await store.head('snapshots/a/big'))?.state]);
    store.close();
  });

  it('says what to do where the bucket is not there, the key is refused, or nobody answers', async () => {
    const store = async (uri: string, endpoint = server.endpoint) => openStore(uri, { endpoint });
    await expect((await store('s3://nobody-has-it/x')).get('y')).rejects.toMatchObject({ code: 'GR-5007' });
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    const refused = (await store('s3://lake/x')).putIfAbsent('y', Buffer.from('z'));
    const error = (await refused.catch((reason: unknown) => reason)) as Error & { code: string };
    expect(error.code).toBe('GR-5008');
    expect(`${error.stack} ${String(error.cause)}`).not.toMatch(/tester|wrong|Signature=/);
    Object.assign(process.env, TEST_KEYS);
  });
});
