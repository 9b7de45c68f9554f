import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { GeorefreshError } from '../../../config/errors.js';
import { examples } from '../arguments.js';
import type { Shell } from '../shell.js';

export const contractCommand = (shell: Shell): Command =>
  new Command('contract')
    .description('Works on contracts of sources')
    .addHelpText('after', examples('georefresh contract infer sessions.csv'))
    .addCommand(inferCommand(shell));

const inferCommand = (shell: Shell): Command =>
  new Command('infer')
    .description('Writes the contract that the records of a file meet, to begin with')
    .argument('<file>', 'CSV, Excel, JSON or Parquet, packed or not')
    .addHelpText('after', examples('georefresh contract infer sessions.csv > sessions.yaml'))
    .action(async (file: string) => {
      if (!existsSync(file)) throw new GeorefreshError('GR-4011', file);
      const { inferContract } = await import('../../infer.js');
      const contract = await inferContract(resolve(file));
      if (shell.json) shell.object(contract);
      else shell.data(stringify(contract, { lineWidth: 120 }).trimEnd());
    });
