import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AzureBucket } from '../../lake/azure-bucket.js';
import { type RemoteOptions, RemoteStore } from '../../lake/remote-store.js';
import { type Azurite, startAzurite } from '../support/azurite.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { storeConformance } from './support/store-conformance.js';
import { storeFaults } from './support/store-faults.js';

describe('a store on Azure Blob Storage (S2.13)', () => {
  let root: string;
  let server: Azurite;
  let proxy: FaultProxy;
  let stores = 0;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'georefresh-azure-'));
    server = await startAzurite(root);
    proxy = await startFaultProxy(server.port);
  });

  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
    await rm(root, { recursive: true, force: true });
  });

  const makeStore = (endpoint: string, options: RemoteOptions, prefix = `store-${stores++}`): RemoteStore => {
    const env = { AZURE_STORAGE_CONNECTION_STRING: server.connectionString(endpoint) };
    return new RemoteStore(new AzureBucket(server.container, {}, env), prefix, options);
  };
  const conformance = (pageSize: number) => async () => {
    const store = makeStore(server.endpoint, { pageSize });
    return { store, close: async () => store.close() };
  };

  storeConformance('Azure', conformance(1000));
  storeConformance('Azure, listed page by page of one', conformance(1));
  storeFaults(() => {
    const prefix = `store-${stores++}`;
    return { proxy, makeStore: (options = {}) => makeStore(proxy.endpoint, options, prefix) };
  });

  it('says what to do where the container is not there, or the environment has no keys', async () => {
    const env = { AZURE_STORAGE_CONNECTION_STRING: server.connectionString(server.endpoint) };
    const elsewhere = new RemoteStore(new AzureBucket('nobody-has-it', {}, env), '');
    await expect(elsewhere.get('x')).rejects.toMatchObject({ code: 'GR-5007' });
    expect(() => new AzureBucket('lake', {}, {})).toThrow(expect.objectContaining({ code: 'GR-5008' }));
  });
});
