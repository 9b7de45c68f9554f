import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { projectRoot } from './root.js';
import { generatedFiles } from './schema/pages.js';

const isCurrent = async (path: string, text: string): Promise<boolean> => {
  try {
    return (await readFile(path, 'utf8')) === text;
  } catch {
    return false;
  }
};

/** Writes the generated files that are out of date, or with `--check` only names them. */
const check = process.argv.includes('--check');
let stale = 0;
for (const [name, text] of Object.entries(generatedFiles())) {
  const path = join(projectRoot(), name);
  if (await isCurrent(path, text)) continue;
  stale++;
  process.stderr.write(`${check ? 'out of date' : 'written'}: ${name}\n`);
  if (check) continue;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
if (check && stale > 0) process.exitCode = 1;
