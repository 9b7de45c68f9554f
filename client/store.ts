import { fileURLToPath } from 'node:url';
import { GeorefreshError } from '../config/errors.js';
import { FolderStore } from '../lake/folder-store.js';
import type { ObjectStore } from '../lake/types.js';

/** Opens the store that the settings name, without what only steps need (DuckDB, scratch). GR-5002 where it cannot be. */
export async function openStore(uri: string): Promise<ObjectStore> {
  if (uri.startsWith('file:')) return FolderStore.open(fileURLToPath(uri));
  throw new GeorefreshError('GR-5002', `${uri}: this release keeps its lake in a folder only`);
}

/** A store's object as people open it: an absolute path where the store is a folder, else its URI. */
export const placeOf = (store: ObjectStore, key: string): string => {
  const uri = store.uri(key);
  return uri.startsWith('file:') ? fileURLToPath(uri) : uri;
};
