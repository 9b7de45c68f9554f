import { fileURLToPath } from 'node:url';
import type { ReadonlyDeep, Settings } from '../config/settings.js';
import { openStore as open } from '../lake/open-store.js';
import type { ObjectStore } from '../lake/types.js';

/** Opens the store that the settings name, without what only steps need (DuckDB, scratch). */
export const openStore = ({
  store,
  storage,
}: ReadonlyDeep<Pick<Settings, 'store' | 'storage'>>): Promise<ObjectStore> => open(store, storage);

/** A store's object as people open it: an absolute path where the store is a folder, else its URI. */
export const placeOf = (store: ObjectStore, key: string): string => {
  const uri = store.uri(key);
  return uri.startsWith('file:') ? fileURLToPath(uri) : uri;
};
