import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const nameOf = (folder: string): unknown => {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name;
  } catch {
    // No package.json here, or not one of ours: the search goes on upward.
    return undefined;
  }
};

const find = (): string => {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (nameOf(folder) === 'georefresh') return folder;
    if (dirname(folder) === folder) throw new Error(`no package.json of georefresh above ${start}`);
  }
};

let root: string | undefined;

/**
 * Absolute path of the folder whose package.json is named georefresh, found upward from this file: the same folder
 * from source and from dist/. YAML, SQL and CSS are read from here, since the build copies none of them.
 */
export function projectRoot(): string {
  root ??= find();
  return root;
}

/** A path as people are told of it: relative to the project with `/` where it lies inside, else absolute. */
export function displayPath(path: string): string {
  const inside = relative(projectRoot(), resolve(path));
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? resolve(path) : inside.replaceAll('\\', '/');
}

/**
 * Absolute path of what the build has put beside a module, by a URL relative to the module's own: also where that module
 * runs from its source, as threads run compiled JavaScript.
 */
export function builtFile(address: URL): string {
  const beside = fileURLToPath(address);
  return existsSync(beside) ? beside : join(projectRoot(), 'dist', relative(projectRoot(), beside));
}
