import type { Path } from '../documents/faults.js';
import type { Findings } from './findings.js';
import type { Pipeline } from './pipeline.js';
import { MADE_BY_SCORE, tablesOf } from './references.js';
import { isLayer, type Source } from './source.js';

/** SQL sees the working table as `self`; scoring makes the others. */
const RESERVED_TABLES = ['self', ...MADE_BY_SCORE];

/** Files of every snapshot that are no output of a pipeline. */
const SNAPSHOT_FILES = ['manifest', 'metrics', 'quarantine', 'report'];

/** Names that Windows keeps for devices, with any extension. */
const DEVICES = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/i;

/** Entries of a list that repeat an earlier one. */
export function duplicatesIn(names: readonly string[], path: Path, out: Findings): void {
  for (const [i, name] of names.entries())
    if (names.indexOf(name) < i) out.add([...path, i], `\`${name}\` is named twice`);
}

/** Names that differ only in case: one to SQL, and one on the disks of Windows and macOS. */
const checkCase = (names: readonly { name: string; path: Path }[], out: Findings): void => {
  const seen = new Map<string, { name: string; path: Path }>();
  for (const { name, path } of names) {
    const first = seen.get(name.toLowerCase());
    if (first === undefined) seen.set(name.toLowerCase(), { name, path });
    else if (first.name === name)
      out.add(path, `\`${name}\` is a name already taken by ${first.path.join('.')}`, 'key');
    else out.add(path, `\`${name}\` and \`${first.name}\` are one name to SQL and on some disks`, 'key');
  }
};

const at = (path: Path, names: object): { name: string; path: Path }[] =>
  Object.keys(names).map((name) => ({ name, path: [...path, name] }));

/** Columns of a source that cannot live side by side. */
export function checkColumns(path: Path, source: Source, out: Findings): void {
  checkCase(at([...path, 'columns'], source.columns), out);
  if (!isLayer(source)) return;
  for (const column of Object.keys(source.columns))
    if (['id', 'geometry'].includes(column.toLowerCase()))
      out.add([...path, 'columns', column], `\`${column}\` is a column that every source of polygons has`, 'key');
}

/** Names that cannot live side by side, or belong to something else. */
export function checkNames(pipeline: Pipeline, out: Findings): void {
  const tables = [...at(['sources'], pipeline.sources), ...tablesOf(pipeline)];
  for (const { name, path } of tables)
    if (RESERVED_TABLES.includes(name.toLowerCase())) out.add(path, `\`${name}\` is a reserved name of a table`, 'key');
  checkCase(tables, out);
  checkCase(at(['outputs'], pipeline.outputs), out);
  checkCase(at(['parameters'], pipeline.parameters), out);
  checkCase(at(['cutoffs'], pipeline.cutoffs), out);
  for (const [name, source] of Object.entries(pipeline.sources)) {
    checkColumns(['sources', name], source, out);
  }
  for (const name of Object.keys(pipeline.outputs)) {
    const isTaken = SNAPSHOT_FILES.includes(name.toLowerCase());
    if (isTaken) out.add(['outputs', name], `\`${name}\` is a file that every snapshot has`, 'key');
    if (DEVICES.test(name))
      out.add(['outputs', name], `\`${name}\` is a device on Windows, no file can have that name`, 'key');
  }
  if (DEVICES.test(pipeline.name))
    out.add(['name'], `\`${pipeline.name}\` is a device on Windows, no folder can have that name`);
}
