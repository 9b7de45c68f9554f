import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, type Served, serve } from './serve.js';

/** Of a test server, which nobody else can reach. */
export const TEST_KEYS = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'not-a-secret' };

export interface ObjectServerProcess extends Served {
  readonly bucket: string;
  /** The folder that the bucket's objects lie in, as files. */
  readonly objects: string;
}

/** Runs versitygw, an S3 server, on `root`, which gets one bucket. */
export async function serveObjects(binary: string, root: string, at?: number): Promise<ObjectServerProcess> {
  const bucket = 'lake';
  await mkdir(join(root, bucket), { recursive: true });
  const port = at ?? (await freePort());
  const args = ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', 'posix', root];
  const keys = { ROOT_ACCESS_KEY: TEST_KEYS.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: TEST_KEYS.AWS_SECRET_ACCESS_KEY };
  const served = await serve('versitygw', binary, args, keys, port);
  return { ...served, bucket, objects: join(root, bucket) };
}
