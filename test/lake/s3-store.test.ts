import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { RemoteStore } from '../../lake/remote-store.js';
import { S3Bucket } from '../../lake/s3-bucket.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { storeConformance } from './support/store-conformance.js';

needs('store').describe('an S3 store (S2.13)', () => {
  let root: string;
  let server: ObjectServerProcess;
  let stores = 0;

  beforeAll(async () => {
    Object.assign(process.env, TEST_KEYS);
    root = await mkdtemp(join(tmpdir(), 'georefresh-s3-'));
    server = await startObjectServer(root);
  });

  afterAll(async () => {
    await server.stop();
    await rm(root, { recursive: true, force: true });
  });

  const makeStore = (pageSize: number) => async () => {
    const bucket = new S3Bucket(server.bucket, { endpoint: server.endpoint });
    const store = new RemoteStore(bucket, `store-${stores++}`, { pageSize });
    return { store, close: async () => store.close() };
  };

  storeConformance('S3', makeStore(1000));
  storeConformance('S3, listed page by page of one', makeStore(1));
});
