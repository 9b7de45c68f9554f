import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkContract } from './definition/check-contract.js';
import { checkColumns } from './definition/check-names.js';
import { Findings } from './definition/findings.js';
import { contractFile, type Source } from './definition/source.js';
import { diagnose } from './documents/diagnose.js';
import { faultsError } from './documents/faults.js';
import { readSmallText } from './documents/files.js';
import { parseYaml } from './documents/yaml.js';
import { displayPath, projectRoot } from './root.js';

/**
 * A contract from a file of its own: a source of a pipeline without its place. A bare name is one of those in
 * config/contracts. All faults come in one GR-1006.
 */
export async function loadContract(nameOrPath: string): Promise<Source> {
  const known = join(projectRoot(), 'config', 'contracts', `${nameOrPath}.yaml`);
  const path = /^[a-z0-9-]+$/i.test(nameOrPath) && !existsSync(nameOrPath) ? known : nameOrPath;
  const file = displayPath(path);
  const read = await readSmallText(path);
  if ('fault' in read) throw faultsError('GR-1006', [{ file, text: read.fault }]);
  const yaml = parseYaml(file, read.text);
  if (yaml.value === undefined) throw faultsError('GR-1006', yaml.faults);
  const faults = [...yaml.faults, ...diagnose(contractFile, yaml.value).map(yaml.locate)];
  if (faults.length > 0) throw faultsError('GR-1006', faults);
  const source: Source = contractFile.parse(yaml.value);
  const out = new Findings();
  checkColumns(['sources', 'x'], source, out);
  checkContract(
    'x',
    source,
    [...('crossing' in source ? ['id', 'geometry'] : []), ...Object.keys(source.columns)],
    {},
    out,
  );
  // Findings of a source in a pipeline stand two steps deeper than in a file of its own.
  if (out.list.length > 0)
    throw faultsError(
      'GR-1006',
      out.list.map((finding) => yaml.locate({ ...finding, path: finding.path.slice(2) })),
    );
  return source;
}
