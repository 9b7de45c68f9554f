import { Command } from 'commander';
import { ERRORS, type ErrorEntry, GeorefreshError, isErrorCode } from '../../../config/errors.js';
import { examples } from '../arguments.js';
import type { Shell } from '../shell.js';
import { table } from '../text.js';

export const errorCommand = (shell: Shell): Command =>
  new Command('error')
    .description('Says what an error code means and what to do about it; without a code, lists them')
    .argument('[code]', 'such as GR-2104')
    .addHelpText('after', examples('georefresh error GR-2104', 'georefresh error --json'))
    .action((given: string | undefined) => {
      if (given === undefined) return listCodes(shell);
      const code = given.toUpperCase();
      if (!isErrorCode(code)) throw new GeorefreshError('GR-4007', given);
      const { title, remedy, retryable, exit }: ErrorEntry = ERRORS[code];
      if (shell.json) return shell.object({ code, title, remedy, retryable, exit });
      shell.data(`${shell.out.bold(code)}  ${title}`);
      shell.data(`  next    ${remedy}`);
      shell.data(
        `  retry   ${retryable ? 'the engine tries the step again by itself' : 'trying again without a change gives the same'}`,
      );
      shell.data(`  exit    ${exit}`);
    });

function listCodes(shell: Shell): void {
  const codes = Object.entries<ErrorEntry>(ERRORS);
  if (shell.json) for (const [code, entry] of codes) shell.object({ code, ...entry });
  else
    shell.data(
      table(
        ['CODE', 'MEANING', 'EXIT'],
        codes.map(([code, { title, exit }]) => [code, title, String(exit)]),
        shell.out,
      ),
    );
}
