import { join } from 'node:path';
import { Command } from 'commander';
import { displayPath } from '../../../config/root.js';
import { readSettings } from '../../../config/settings.js';
import type { PublishedOutput } from '../../records.js';
import { collectSetting, examples, parseFolder } from '../arguments.js';
import type { RefreshReport } from '../refreshing.js';
import { choosePipeline, knownPipelines, withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { requestOf } from './refresh.js';

interface Options {
  inputs?: string;
  force?: boolean;
  set?: Record<string, string>;
}

const SHOWN = 10;

export const startCommand = (shell: Shell): Command =>
  new Command('start')
    .description('Refreshes every pipeline once and shows the first results: what npm start runs')
    .argument('[pipelines...]', 'those that are refreshed, in this order; default: all')
    .option(
      '--inputs <folder>',
      "folder laid out like the home's inputs; default: those, else the sample inputs",
      parseFolder,
    )
    .option('--force', 'make every step again')
    .option('--set <key=value>', "a parameter in the place of the definition's (repeat it)", collectSetting)
    .addHelpText('after', examples('npm start', 'npm start -- ev-sites --inputs ../shared/data'))
    .action(async (named: string[], options: Options) => {
      const { refreshAndReport } = await import('../refreshing.js');
      const pipelines = await pipelinesOf(shell, named);
      for (const pipeline of pipelines) {
        const report = await refreshAndReport(shell, requestOf(pipeline, options));
        if (shell.json || shell.quiet) continue;
        if (GOOD.includes(report.outcome)) await showResults(shell, pipeline);
      }
      if (!shell.json && shell.exitCode === 0) sayWhatNext(shell, pipelines);
    });

async function pipelinesOf(shell: Shell, named: readonly string[]): Promise<string[]> {
  const known = await knownPipelines(shell);
  if (named.length > 0) return named.map((name) => choosePipeline(name, known));
  return inOrder(known, (await readSettings(shell.env)).first);
}

/** Those of `first` that are known, then the others. */
export const inOrder = (known: readonly string[], first: readonly string[]): string[] => [
  ...new Set([...first.filter((name) => known.includes(name)), ...known]),
];

const GOOD: readonly RefreshReport['outcome'][] = ['published', 'unchanged', 'superseded', 'held'];

async function showResults(shell: Shell, pipeline: string): Promise<void> {
  const [{ loadPipeline }, { topRows, topText }] = await Promise.all([
    import('../../../config/load.js'),
    import('../top.js'),
  ]);
  const [tops, published, latest] = await withClient(shell, async (client) => {
    const [{ pipeline: definition }, outputs, standing] = await Promise.all([
      readSettings(shell.env).then((settings) => loadPipeline(pipeline, settings)),
      client.outputs(pipeline),
      client.status(pipeline).then(({ pipelines: [one] }) => one?.published?.latest),
    ]);
    return [await topRows(client.store, definition, outputs, SHOWN), outputs, standing] as const;
  });
  for (const top of tops) shell.data(`\n${topText(top, shell.out)}`);
  shell.data(`\n${shell.out.bold('Files')}`);
  for (const place of placesOf(published, latest)) shell.data(`  ${place}`);
}

/** Files under the name that stays, for people; those of the snapshot where there is no such name. */
const placesOf = (published: readonly PublishedOutput[], latest: string | undefined): string[] =>
  published.map(({ name, place }) =>
    latest === undefined || /^[a-z0-9]+:\/\//i.test(latest) ? place : join(latest, name),
  );

function sayWhatNext(shell: Shell, pipelines: readonly string[]): void {
  const [first = ''] = pipelines;
  const name = pipelines.length > 1 ? ` ${first}` : '';
  const command = 'npm run georefresh --';
  const lines: [string, string][] = [
    [`${command} refresh${name} --inputs <folder>`, 'the same on your own files'],
    [`${command} status`, 'how old the data is, what ran last'],
    [`${command} show <run>`, 'what a run read, made and measured'],
    [`${command} up --workers 2`, 'engine, web UI and workers that stay'],
    [`${command} --help`, `all commands (pipelines: ${displayPath('config/pipelines')})`],
  ];
  const width = Math.max(...lines.map(([text]) => text.length));
  shell.data(`\n${shell.out.bold('Next')}`);
  for (const [text, why] of lines) shell.data(`  ${text.padEnd(width)}  ${shell.out.dim(why)}`);
}
