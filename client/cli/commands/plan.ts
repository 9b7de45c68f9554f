import { Command } from 'commander';
import { STAGES, type Stage } from '../../../activities/types.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { ExpectedStep, RefreshPlan } from '../../plans.js';
import { collectSetting, collectStages, examples, parseFolder, parseTime } from '../arguments.js';
import { choosePipeline, knownPipelines, withRunningEngine } from '../session.js';
import type { Shell } from '../shell.js';
import { type Paint, seconds, table } from '../text.js';
import { requestOf } from './refresh.js';

interface Options {
  why?: string;
  exitCode?: boolean;
  force?: boolean;
  only?: Stage[];
  inputs?: string;
  set?: Record<string, string>;
  logicalTime?: string;
}

/** With --exit-code: there is work to do. */
const WORK_TO_DO = 10;

export const planCommand = (shell: Shell): Command =>
  new Command('plan')
    .description('Says what a refresh would do now, step by step, and why; writes nothing')
    .argument('[pipeline]', 'may be left out where there is only one')
    .option('--why <step>', 'one step alone, with what differs and its partitions')
    .option('--exit-code', `exit ${WORK_TO_DO} where there is something to do, 0 where there is not`)
    .option('--force', 'as if every step were to be made again')
    .option('--only <stage>', 'only these stages, with what they need', collectStages)
    .option('--inputs <folder>', "folder laid out like the home's inputs, in its place", parseFolder)
    .option('--set <key=value>', "a parameter in the place of the definition's (repeat it)", collectSetting)
    .option('--logical-time <time>', 'the time that the run would stand for; default: now', parseTime)
    .addHelpText(
      'after',
      examples(
        'georefresh plan ev-sites',
        'georefresh plan --why features/tract_features@train',
        'georefresh plan --exit-code || georefresh refresh',
        'georefresh plan --json | jq .counts',
      ),
    )
    .action(async (named: string | undefined, { why, exitCode, ...options }: Options) => {
      const pipeline = choosePipeline(named, await knownPipelines(shell));
      const interrupted = new AbortController();
      const plan = await withRunningEngine(shell, interrupted.signal, (client) =>
        client.plan(requestOf(pipeline, options)),
      );
      if (why !== undefined) tellStep(shell, plan, why);
      else if (shell.json) shell.object(plan);
      else shell.data(planText(plan, shell.out));
      if (exitCode === true && plan.ended === undefined) shell.exitCode = WORK_TO_DO;
    });

function tellStep(shell: Shell, plan: RefreshPlan, id: string): void {
  const step = plan.steps.find((one) => one.id === id);
  if (step === undefined)
    throw new GeorefreshError(
      'GR-1001',
      `no step is called ${id}; there are ${plan.steps.map((one) => one.id).join(', ')}`,
    );
  if (shell.json) shell.object(step);
  else shell.data(stepText(step, shell.out));
}

const verb = ({ decision }: Pick<ExpectedStep, 'decision'>, paint: Paint): string =>
  decision === 'run' ? paint.yellow('run') : decision === 'reuse' ? paint.green('reuse') : paint.cyan('if-changed');

/** The steps that run or may run, stage by stage; what is reused is counted. */
export function planText(plan: RefreshPlan, paint: Paint): string {
  const { counts, steps, ended } = plan;
  if (ended === 'unchanged') return `Nothing to do: all ${steps.length} steps of ${plan.pipeline} are up to date.`;
  if (ended === 'held') return `Nothing would be published: ${plan.pipeline} is held.`;
  const rows = steps
    .filter(({ decision }) => decision !== 'reuse')
    .map((step) => [
      verb(step, paint),
      step.id,
      step.seconds === null ? '–' : seconds(step.seconds),
      [...step.why, partitionsText(step)].filter((text) => text !== '').join('; '),
    ]);
  const reused = STAGES.flatMap((stage) => {
    const count = steps.filter((step) => step.stage === stage && step.decision === 'reuse').length;
    return count === 0 ? [] : [`${stage} ${count}`];
  });
  return [
    table(['', 'STEP', 'TOOK', 'WHY'], rows, paint),
    '',
    `${counts.run} run, ${counts['if-changed']} if what they read changes, ${counts.reuse} reused${reused.length > 0 ? ` (${reused.join(', ')})` : ''}; about ${seconds(plan.seconds)} of work for those that run.`,
    ...(plan.sample ? ['The inputs are the samples that come with the pipeline.'] : []),
  ].join('\n');
}

const partitionsText = ({ partitions }: ExpectedStep): string => {
  if (partitions === undefined) return '';
  const run = partitions.filter(({ decision }) => decision === 'run').length;
  return `${run} of ${partitions.length} partitions`;
};

function stepText(step: ExpectedStep, paint: Paint): string {
  const run = (step.partitions ?? []).filter(({ decision }) => decision === 'run').map(({ name }) => name);
  return [
    `${step.id}: ${verb(step, paint)}`,
    ...step.why.map((why) => `  ${why}`),
    ...(step.decision === 'if-changed' ? ['  steps that it reads from run first; their bytes decide'] : []),
    ...(step.partitions === undefined
      ? []
      : [`  partitions that run (${partitionsText(step)}): ${run.join(' ') || 'none'}`]),
    ...(step.seconds === null ? [] : [`  it took ${seconds(step.seconds)}`]),
  ].join('\n');
}
