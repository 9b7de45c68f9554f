import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { isBucket } from '../../../config/places.js';
import { displayPath, projectRoot } from '../../../config/root.js';
import { examples } from '../arguments.js';
import type { Shell } from '../shell.js';

export const initCommand = (shell: Shell): Command =>
  new Command('init')
    .description('Writes a new pipeline that runs at once: definition, SQL, sample and test')
    .argument('<name>', 'of the pipeline: lower-case letters, digits and -')
    .option('--from <file>', 'a CSV whose columns it is to have')
    .option('--pipelines <folder>', 'folder of pipelines; default: the one of the settings')
    .addHelpText('after', examples('georefresh init visits', 'georefresh init visits --from visits.csv'))
    .action(async (name: string, { from, pipelines }: { from?: string; pipelines?: string }) => {
      const [{ initPipeline, inputOf }, { readSettings }] = await Promise.all([
        import('../../init.js'),
        import('../../../config/settings.js'),
      ]);
      const settings = await readSettings(shell.env);
      const folder =
        pipelines ?? settings.pipelines.find((place) => !isBucket(place)) ?? join(projectRoot(), 'config', 'pipelines');
      const files = await initPipeline({
        name,
        pipelines: resolve(folder),
        ...(from !== undefined && { from: resolve(from) }),
      });
      if (shell.json) return shell.object({ pipeline: name, files });
      for (const file of files) shell.data(displayPath(file));
      const elsewhere = settings.pipelines.includes(resolve(folder)) ? '' : `GEOREFRESH_PIPELINES=${resolve(folder)} `;
      shell.data(`\n${elsewhere}georefresh refresh ${name}`);
      const input = join(settings.home, 'inputs', inputOf({ name, ...(from !== undefined && { from }) }));
      shell.note(`it runs on its sample until there is ${displayPath(input)}`);
    });
