import { cp, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { codeOf, placeFile, syncFolder, temporaryName } from './durable.js';

/** What systems and file systems answer that have no symbolic links, or deny them to this user. */
const NO_LINKS = new Set(['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'UNKNOWN']);

/**
 * Makes `path` another name of the folder `target`, in place of what was there: a relative link (it survives a move of
 * the home), on Windows a junction, replaced by rename so that readers always find a folder. Where links are refused
 * it becomes a copy, with the manifest last.
 */
export async function aliasFolder(path: string, target: string): Promise<void> {
  const temporary = join(dirname(path), temporaryName());
  try {
    if (process.platform === 'win32') await symlink(target, temporary, 'junction');
    else await symlink(relative(dirname(path), target), temporary);
  } catch (error) {
    if (!NO_LINKS.has(codeOf(error) ?? '')) throw error;
    return copyInPlace(path, target);
  }
  try {
    await replace(temporary, path);
  } finally {
    await rm(temporary, { force: true, recursive: false });
  }
  await syncFolder(dirname(path));
}

async function replace(temporary: string, path: string): Promise<void> {
  try {
    await rename(temporary, path);
  } catch (error) {
    // A real folder stands there (an earlier copy), or the system does not rename over a junction. Moving it aside
    // first leaves a moment without a folder, which only those systems see.
    if (!['EISDIR', 'ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(codeOf(error) ?? '')) throw error;
    await moveAside(path, () => rename(temporary, path));
  }
}

/** The fallback for systems without links; exported for its test. */
export async function copyInPlace(path: string, target: string): Promise<void> {
  const temporary = join(dirname(path), temporaryName());
  await mkdir(temporary);
  try {
    const names = (await readdir(target, { withFileTypes: true })).sort((a, b) => last(a.name) - last(b.name));
    for (const { name, ...entry } of names.map((found) => ({ name: found.name, folder: found.isDirectory() }))) {
      const from = join(target, name);
      if (entry.folder) await cp(from, join(temporary, name), { recursive: true, errorOnExist: true });
      else await placeFile(join(temporary, name), { path: from });
    }
    await syncFolder(temporary);
    await moveAside(path, () => rename(temporary, path));
    await syncFolder(dirname(path));
  } finally {
    await rm(temporary, { force: true, recursive: true });
  }
}

/** Whoever finds the manifest in a copy finds the rest too. */
const last = (name: string): number => (basename(name) === 'manifest.json' ? 1 : 0);

async function moveAside(path: string, then: () => Promise<void>): Promise<void> {
  const old = join(dirname(path), temporaryName());
  const moved = await rename(path, old).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    },
  );
  await then();
  if (moved) await rm(old, { force: true, recursive: true });
}
