import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GeorefreshError } from '../config/errors.js';
import type { Bucket } from './bucket.js';
import { FolderStore } from './folder-store.js';
import type { ObjectStore } from './types.js';

/** How a bucket is reached; nothing of it is a secret. */
export interface StorageOptions {
  endpoint?: string | undefined;
  region?: string | undefined;
  pathStyle?: boolean | undefined;
}

/**
 * Opens the store that a URI names: `file:///…` or a folder's path, `s3://bucket/prefix`, `azure://container/prefix`.
 * Nothing is asked of a service yet, and its client is loaded only where it is wanted. GR-1002 where the URI is none.
 */
export async function openStore(uri: string, options: StorageOptions = {}): Promise<ObjectStore> {
  const service = /^(s3|azure):\/\/([^/]+)\/?(.*?)\/*$/.exec(uri);
  if (service !== null) {
    const [, kind, bucket = '', prefix = ''] = service;
    const [{ RemoteStore }, made] = await Promise.all([import('./remote-store.js'), openBucket(kind, bucket, options)]);
    return new RemoteStore(made, decodeURIComponent(prefix));
  }
  if (uri.startsWith('file:')) return FolderStore.open(fileURLToPath(uri));
  if (/^[a-z][a-z0-9+.-]+:/i.test(uri)) throw new GeorefreshError('GR-1002', `store ${uri} is of no known kind`);
  return FolderStore.open(resolve(uri));
}

async function openBucket(kind: string | undefined, bucket: string, options: StorageOptions): Promise<Bucket> {
  if (kind === 's3') return new (await import('./s3-bucket.js')).S3Bucket(bucket, options);
  return new (await import('./azure-bucket.js')).AzureBucket(bucket, options);
}
