import { Argument, Command } from 'commander';
import type { AppliedSchedule, Georefresh, ScheduleState } from '../../index.js';
import { examples } from '../arguments.js';
import { choosePipeline, withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { formatTime, type Paint, shortRun, table } from '../text.js';

interface Options {
  pause?: boolean;
  resume?: boolean;
  note?: string;
}

const ACTIONS = ['apply', 'list', 'pause', 'resume', 'trigger', 'remove'] as const;
type Action = (typeof ACTIONS)[number];

export const scheduleCommand = (shell: Shell): Command =>
  new Command('schedule')
    .description('Tells the engine when to refresh by itself, as the definitions say, and looks after that')
    .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
    .argument('[pipeline]', 'default: all for apply and list, else the only one there is')
    .option('--pause', 'apply: pause it in the same update')
    .option('--resume', 'apply: let it run in the same update')
    .option('--note <text>', 'pause, resume: why; the list shows it')
    .addHelpText(
      'after',
      examples(
        'georefresh schedule apply',
        'georefresh schedule apply ev-sites --pause',
        'georefresh schedule list --json',
        'georefresh schedule pause ev-sites --note "the source is being mended"',
        'georefresh schedule trigger ev-sites',
        'georefresh schedule remove ev-sites',
      ),
    )
    .action((action: Action, named: string | undefined, options: Options) =>
      withClient(shell, async (client) => {
        if (action === 'apply' || action === 'list') return show(shell, await states(client, action, named, options));
        // What is no longer defined can still be removed.
        const pipeline =
          action === 'remove' && named !== undefined ? named : choosePipeline(named, await client.pipelines());
        await client.schedules[action](pipeline, options.note);
        if (shell.json) shell.object({ pipeline, action });
        else shell.data(`${pipeline}: ${DONE[action]}`);
      }),
    );

const DONE: Record<Exclude<Action, 'apply' | 'list'>, string> = {
  pause: 'paused',
  resume: 'resumed',
  trigger: 'the engine was asked for a refresh',
  remove: 'schedule removed',
};

async function states(
  client: Georefresh,
  action: 'apply' | 'list',
  named: string | undefined,
  { pause, resume }: Options,
): Promise<(ScheduleState | AppliedSchedule)[]> {
  const known = await client.pipelines();
  const pipeline = named === undefined ? undefined : choosePipeline(named, known);
  if (action === 'list') return client.schedules.list(pipeline);
  return client.schedules.apply(pipeline, pause || resume ? { paused: pause === true } : {});
}

function show(shell: Shell, found: readonly (ScheduleState | AppliedSchedule)[]): void {
  if (shell.json) for (const state of found) shell.object(state);
  else shell.data(schedulesText(found, shell.out));
}

export function schedulesText(found: readonly (ScheduleState | AppliedSchedule)[], paint: Paint): string {
  if (found.length === 0) return 'no schedules';
  const rows = found.map((one) => [
    one.pipeline,
    `${one.cron} ${one.timezone}`,
    `${one.state}${'change' in one && one.change !== 'none' ? ` (${one.change})` : ''}`,
    one.paused ? `paused${one.note === null ? '' : `: ${one.note}`}` : (one.next.map(formatTime)[0] ?? '–'),
    one.last === null ? '–' : `${formatTime(one.last.started)} ${shortRun(one.last.run)}`,
  ]);
  return table(['PIPELINE', 'SCHEDULE', 'STATE', 'NEXT', 'LAST STARTED'], rows, paint);
}
