// The build (tsc and the tree kernel into dist/), done only when a source has changed, and without leftovers of sources that are gone.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CONFIGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/** Folders that the build reads. */
const rooms = (root) =>
  JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8')).include.filter((room) =>
    existsSync(join(root, room)),
  );

/** Sources of the tree kernel, which the AssemblyScript compiler reads; and what becomes of them. */
const KERNEL = join('activities', 'train', 'assembly');
const KERNEL_OUTPUT = join('dist', 'activities', 'train', 'trees', 'trees.wasm');
/** Read by both compilers. */
const KERNEL_LAYOUT = join(KERNEL, 'layout.ts');

/** TypeScript files of the build, as paths from the root. */
const sources = (root) =>
  rooms(root).flatMap((room) =>
    readdirSync(join(root, room), { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(room, name))
      .sort(),
  );

const isKernel = (file) => dirname(file) === KERNEL && file !== KERNEL_LAYOUT;

/** Compiles the kernel: no runtime, memory from outside and shared, so that every thread has an instance over the same bytes. */
async function compileKernel(root) {
  mkdirSync(join(root, dirname(KERNEL_OUTPUT)), { recursive: true });
  const { main } = await import('assemblyscript/asc');
  const flags = '--optimizeLevel 3 --noAssert --runtime stub --importMemory --sharedMemory --initialMemory 1';
  const { error, stderr } = await main([
    join(KERNEL, 'index.ts'),
    ...['--baseDir', root, '--outFile', KERNEL_OUTPUT, ...flags.split(' ')],
    ...['--maximumMemory', '65536', '--enable', 'simd', '--enable', 'threads'],
  ]);
  if (error) throw new Error(`the tree kernel does not compile:\n${stderr.toString()}`, { cause: error });
}

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
  const outputs = new Set(
    files.filter((file) => !isKernel(file)).map((file) => join(root, 'dist', file.replace(/\.ts$/, '.js'))),
  );
  // An incremental build does not notice that an output was deleted.
  if (![...outputs].every((path) => existsSync(path))) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true });
  await compileKernel(root);
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
