import { Command } from 'commander';
import { ERRORS } from '../../../config/errors.js';
import { examples } from '../arguments.js';
import type { Shell } from '../shell.js';
import { hang } from '../text.js';

export const doctorCommand = (shell: Shell): Command =>
  new Command('doctor')
    .description('Checks what a refresh needs: Node, engine, disk, settings, definitions, store, workers, clock')
    .option('--lake', 'read all that is kept of the lake, too, and compare it with its digests')
    .addHelpText('after', examples('georefresh doctor', 'georefresh doctor --lake', 'georefresh doctor --json'))
    .action(async ({ lake = false }: { lake?: boolean }) => {
      const { examine } = await import('../../doctor.js');
      const findings = await examine(shell.env, { lake });
      const wrong = findings.find(({ state }) => state === 'wrong');
      if (wrong !== undefined) shell.exitCode = wrong.code === undefined ? 1 : ERRORS[wrong.code].exit;
      if (shell.json) return shell.object({ ok: wrong === undefined, findings });
      const { green, yellow, red, dim } = shell.out;
      const mark = { good: green('✓'), doubtful: yellow('!'), wrong: red('✗') };
      for (const { name, state, text, remedy, code } of findings) {
        shell.data(`${mark[state]} ${name.padEnd(10)} ${hang(text, 13)}`);
        if (remedy !== undefined)
          shell.data(dim(`             → ${remedy}${code === undefined ? '' : ` (georefresh error ${code})`}`));
      }
    });
