import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** npm's own program, which Node runs without a shell: the one that called this, or the one beside Node. */
export function npmCli() {
  const home = dirname(process.execPath);
  const beside = [
    join(home, 'node_modules'),
    join(home, '..', 'lib', 'node_modules'),
    join(home, '..', 'share', 'nodejs'),
  ];
  const places = [process.env.npm_execpath, ...beside.map((folder) => join(folder, 'npm', 'bin', 'npm-cli.js'))];
  const found = places.find((path) => path && /npm-cli\.c?js$/.test(path) && existsSync(path));
  if (!found) throw new Error('npm was not found; call this by npm: npm start');
  return found;
}
