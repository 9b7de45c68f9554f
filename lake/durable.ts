import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, lstat, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GeorefreshError } from '../config/errors.js';
import type { Body } from './types.js';

// Windows opens no folders: there the file system's own journal keeps the order of names.
const CAN_SYNC_FOLDERS = process.platform !== 'win32';

/** The system's error code of a thrown thing, or undefined. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Turns a system error into the registry's: what is absent, full or refused is told apart from an unreachable disk. */
export function storeError(error: unknown, doing: string): unknown {
  const code = codeOf(error);
  if (code === undefined || error instanceof GeorefreshError || !/^E[A-Z0-9]+$/.test(code)) return error;
  const detail = `${doing} (${code})`;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR')
    return new GeorefreshError('GR-4004', detail, { cause: error });
  if (code === 'ENOSPC' || code === 'EDQUOT') return new GeorefreshError('GR-5003', detail, { cause: error });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ELOOP')
    return new GeorefreshError('GR-5004', detail, { cause: error });
  return new GeorefreshError('GR-5002', detail, { cause: error });
}

/** For `catch`: undefined for what is absent; any other error stands. */
export function absent(error: unknown): undefined {
  const code = codeOf(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}

export const exists = async (path: string): Promise<boolean> => (await stat(path).catch(absent)) !== undefined;

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  if (!CAN_SYNC_FOLDERS) return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Folders whose own names this process knows to be durable. A folder that somebody else made is synced once too: its
 * maker may have died between making and syncing it.
 */
const durableFolders = new Set<string>();

/** Makes a folder and its ancestors down from `root`, each name durable when the promise resolves. */
export async function makeFolder(folder: string, root: string): Promise<void> {
  if (durableFolders.has(folder) || folder === root) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeFolder(parent, root);
  try {
    await mkdir(folder);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  await syncFolder(parent);
  durableFolders.add(folder);
}

/** Makes the folder of a store. What stood before is left alone: the user may not be allowed to open all of it. */
export async function makeRoot(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

/** Forgets what is known of a folder and those above it: they were found gone. */
export function forgetFolder(folder: string): void {
  for (let at = folder; at !== dirname(at); at = dirname(at)) durableFolders.delete(at);
}

/** A name for a file in the making. It holds the process id, so that those of dead processes can be told and removed. */
export const temporaryName = (): string => `.tmp-${process.pid}-${randomBytes(8).toString('hex')}`;

/** The process that was making a file, or undefined where the name is not that of a file in the making. */
export function makerOf(name: string): number | undefined {
  const match = /^\.tmp-(\d+)-[0-9a-f]{16}$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, CAN_SYNC_FOLDERS ? 'r' : 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a whole, synced file in the making into a folder; the caller links or renames it, and removes it on failure. */
export async function writeTemporary(folder: string, body: Body): Promise<string> {
  const path = join(folder, temporaryName());
  try {
    if (body instanceof Uint8Array) await writeBytes(path, body);
    else {
      await copyFile(body.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await syncFile(path);
    }
    return path;
  } catch (error) {
    await removeQuietly(path);
    throw error;
  }
}

/**
 * Puts a body at a path that must not exist: temporary file, fsync, link(2), fsync of the folder. link is the one call
 * that both creates atomically and refuses an existing name (rename would replace it).
 */
export async function placeFile(path: string, body: Body): Promise<'created' | 'exists'> {
  const folder = dirname(path);
  // What has its name was synced before it got it, so only the name may still have to be.
  if ((await lstat(path).catch(absent)) !== undefined) {
    await syncFolder(folder);
    return 'exists';
  }
  if (!(body instanceof Uint8Array) && body.link === true) {
    const linked = await linkOwn(body.path, path);
    if (linked !== 'other device') return linked;
  }
  const temporary = await writeTemporary(folder, body);
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // Its writer may not have synced the folder yet, and our caller counts on the name from now on.
    await syncFolder(folder);
    return 'exists';
  } finally {
    await removeQuietly(temporary);
  }
  await syncFolder(folder);
  return 'created';
}

/** Renames a whole, synced file to a path where another one stands, if `isStill` says, last of all, that it is to give way. */
export async function replaceFile(
  path: string,
  body: Body,
  isStill: () => Promise<boolean>,
): Promise<'replaced' | 'changed'> {
  // A copy in any case: what is in the way may be the very file that the body shares its storage with.
  const temporary = await writeTemporary(dirname(path), body);
  try {
    if (!(await isStill())) return 'changed';
    await rename(temporary, path);
  } finally {
    await removeQuietly(temporary);
  }
  await syncFolder(dirname(path));
  return 'replaced';
}

async function linkOwn(source: string, path: string): Promise<'created' | 'exists' | 'other device'> {
  await syncFile(source);
  let outcome: 'created' | 'exists' = 'created';
  try {
    await link(source, path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EXDEV' || code === 'EPERM' || code === 'EMLINK' || code === 'ENOTSUP') return 'other device';
    if (code !== 'EEXIST') throw error;
    outcome = 'exists';
  }
  await syncFolder(dirname(path));
  return outcome;
}

export async function removeQuietly(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}
