import { join } from 'node:path';
import { Command } from 'commander';
import { readSettings } from '../../../config/settings.js';
import { collectRoles, examples, parseCount } from '../arguments.js';
import { interruption, loggerOf, tellProgress } from '../session.js';
import type { Shell } from '../shell.js';

export const upCommand = (shell: Shell): Command =>
  new Command('up')
    .description('Keeps the engine and worker processes running until Ctrl-C')
    .option('--workers <count>', 'worker processes', parseCount(1, 64), 1)
    .option(
      '--roles <roles>',
      'what these workers do, of workflows, io, compute and backfill (repeat it, or separate by commas); default: all',
      collectRoles,
    )
    .option('--watch', 'signal pipelines whose files under inputs change, so that they are refreshed')
    .addHelpText(
      'after',
      examples(
        'georefresh up',
        'georefresh up --workers 2 --watch',
        'TEMPORAL_ADDRESS=temporal:7233 GEOREFRESH_STORE=s3://lake georefresh up --roles compute',
      ),
    )
    .action(async ({ workers, roles, watch = false }: { workers: number; roles?: string[]; watch?: boolean }) => {
      const [settings, log, { runUp }] = await Promise.all([
        readSettings(shell.env),
        loggerOf(shell),
        import('../../embedded.js'),
      ]);
      const force = new AbortController();
      const stop = interruption(() => force.abort());
      stop.gently.addEventListener(
        'abort',
        () => shell.note('stopping the workers, then the engine (Ctrl-C again: at once)'),
        { once: true },
      );
      const other = await runUp({
        ...{
          settings,
          env: shell.env,
          log,
          workers,
          ...(roles && { roles }),
          watch,
          until: stop.gently,
          force: force.signal,
        },
        onProgress: (progress) => tellProgress(shell, progress),
        onNotice: (text) => shell.note(`! ${text}`),
        onUp: ({ ui, address, enginePid, pids }) => {
          if (shell.json)
            return shell.object({
              event: 'up',
              home: settings.home,
              address,
              ui: ui ?? null,
              enginePid: enginePid ?? null,
              workers: pids,
              watching: watch ? join(settings.home, 'inputs') : null,
            });
          shell.data(`engine   ${address}${enginePid === undefined ? '' : ` (process ${enginePid})`}`);
          if (ui !== undefined) shell.data(`web UI   ${ui}`);
          shell.data(`workers  ${pids.join(', ')}`);
          if (watch) shell.data(`watching ${join(settings.home, 'inputs')}`);
          shell.data(`home     ${settings.home}`);
          shell.note('Ctrl-C stops all of it');
        },
      }).finally(stop.dispose);
      if (other === undefined) return;
      if (shell.json)
        shell.object({
          event: 'already_up',
          home: settings.home,
          pid: other.pid,
          ui: other.ui ?? null,
          workers: other.workers,
        });
      else
        shell.data(
          `already up for ${settings.home}: process ${other.pid}${other.ui === undefined ? '' : `, ${other.ui}`}`,
        );
    });
