import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const project = resolve(import.meta.dirname, '../../..');

/** Compiles modules of the lake (and what they import) to JavaScript in `folder`, for processes of their own. */
export async function compileLake(folder: string, modules: readonly string[]): Promise<void> {
  const config = {
    extends: join(project, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      outDir: join(folder, 'dist'),
      rootDir: project,
      declaration: false,
      sourceMap: false,
      typeRoots: [join(project, 'node_modules/@types')],
    },
    include: [],
    files: modules.map((name) => join(project, 'lake', name)),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'), 'junction');
  await promisify(execFile)(process.execPath, [
    join(project, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(folder, 'tsconfig.json'),
  ]);
}
