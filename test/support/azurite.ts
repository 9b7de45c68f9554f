import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { freePort, type Served, serve } from './serve.js';

/** The account that Azurite brings; its key is published and opens nothing else. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

export interface Azurite extends Served {
  readonly container: string;
  /** Of an endpoint that leads to it: its own or a proxy's. */
  connectionString(endpoint: string): string;
}

/** Starts Azurite, Azure's own test server, with one container, its data in `root`. */
export async function startAzurite(root: string): Promise<Azurite> {
  await mkdir(root, { recursive: true });
  const port = await freePort();
  const main = join(createRequire(import.meta.url).resolve('azurite/package.json'), '../dist/src/blob/main.js');
  const args = [
    main,
    '--blobPort',
    String(port),
    '--location',
    root,
    '--silent',
    '--skipApiVersionCheck',
    '--disableTelemetry',
  ];
  const served = await serve('azurite', process.execPath, args, {}, port);
  const container = 'lake';
  const connectionString = (endpoint: string): string =>
    `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${endpoint}/${ACCOUNT};`;
  const service = BlobServiceClient.fromConnectionString(connectionString(served.endpoint));
  await service.getContainerClient(container).createIfNotExists();
  return { ...served, container, connectionString };
}
