import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../RESULTS.md', import.meta.url));
const HEAD =
  '# Results\n\nWritten by `npm run bench -- NAME`; each section is replaced by the next run of its bench.\n';

/** Puts the section of a bench into RESULTS.md, in the place of its last one. */
export function writeResults(name: string, body: string): void {
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : HEAD;
  const [head = HEAD, ...sections] = text.split(/^(?=## )/m);
  const kept = sections.filter((section) => !section.startsWith(`## ${name}\n`));
  kept.push(`## ${name}\n\n${body.trim()}\n`);
  writeFileSync(FILE, [head.trimEnd(), ...kept.sort().map((section) => section.trimEnd())].join('\n\n').concat('\n'));
}
