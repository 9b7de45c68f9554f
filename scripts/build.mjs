// The build (tsc into dist/), done only when a source has changed, and without leftovers of sources that are gone.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CONFIGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/** Folders that the build reads. */
const rooms = (root) =>
  JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8')).include.filter((room) =>
    existsSync(join(root, room)),
  );

/** TypeScript files of the build, as paths from the root. */
const sources = (root) =>
  rooms(root).flatMap((room) =>
    readdirSync(join(root, room), { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(room, name))
      .sort(),
  );

function stampOf(root, files) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...files, ...CONFIGS]) {
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

const stampPath = (root) => join(root, 'dist', '.stamp');

/** Whether dist/ was made from the sources as they are, by path, time and size. */
export const isBuilt = (root) =>
  existsSync(stampPath(root)) && readFileSync(stampPath(root), 'utf8') === stampOf(root, sources(root));

/** Builds; `tsc` runs the compiler with arguments and rejects with what it said where it fails. */
export async function build(root, tsc) {
  const files = sources(root);
  // Taken before: an edit during the build makes the next start build again.
  const stamp = stampOf(root, files);
  rmSync(stampPath(root), { force: true });
  const outputs = new Set(files.map((file) => join(root, 'dist', file.replace(/\.ts$/, '.js'))));
  // An incremental build does not notice that an output was deleted.
  if (![...outputs].every((path) => existsSync(path))) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true });
  await tsc(['-p', 'tsconfig.build.json']);
  for (const room of rooms(root)) {
    const folder = join(root, 'dist', room);
    for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true }) : []) {
      const source = join(folder, name).replace(/\.(js|d\.ts)(\.map)?$/, '.js');
      if (source.endsWith('.js') && !outputs.has(source)) rmSync(join(folder, name));
    }
  }
  writeFileSync(stampPath(root), stamp);
}
