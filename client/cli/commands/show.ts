import { Command } from 'commander';
import { formatBytes, formatCount } from '../../../activities/publish/format.js';
import type { Manifest } from '../../index.js';
import { recordOf } from '../../records.js';
import { examples } from '../arguments.js';
import { withClient } from '../session.js';
import type { Shell } from '../shell.js';
import { formatTime, type Paint, seconds, table } from '../text.js';

export const showCommand = (shell: Shell): Command =>
  new Command('show')
    .description('What a run read, made, measured and decided (its manifest with --json)')
    .argument('<run>', 'a run id, or the beginning of one')
    .addHelpText(
      'after',
      examples('georefresh show 01a1fdd0-f186', 'georefresh show 01a1fdd0-f186 --json | jq .sources'),
    )
    .action(async (run: string) => {
      const manifest = await withClient(shell, (client) => client.show(run));
      if (shell.json) shell.object(manifest);
      else shell.data(manifestText(manifest, shell.out));
    });

export function manifestText(manifest: Manifest, paint: Paint): string {
  const { outcome, trigger, sample, generation, seconds: took, error } = recordOf(manifest);
  const facts: [string, string][] = [
    ['run', manifest.run],
    ['outcome', `${outcome}${generation === null ? '' : ` as generation ${generation}`}`],
    ['for', formatTime(manifest.logicalTime)],
    ['took', `${took === null ? '–' : seconds(took)}, started ${formatTime(manifest.started)} by ${trigger}`],
    [
      'model',
      manifest.champion === null
        ? '–'
        : `${manifest.champion}${manifest.model === null ? '' : ` (version ${manifest.model.version})`}`,
    ],
    ...(sample ? [['inputs', 'the sample that comes with the pipeline'] as [string, string]] : []),
    ...(error === null ? [] : [['error', `${error.code} ${error.message}`] as [string, string]]),
  ];
  const sources = manifest.sources.map(({ name, rows, bytes, uri }) => [
    name,
    formatCount(rows),
    formatBytes(bytes),
    uri,
  ]);
  const steps = manifest.steps.map((step) => [
    ...[step.id, formatCount(step.rowsIn), formatCount(step.rowsOut), seconds(step.seconds)],
    step.reused ? 'reused' : step.attempts > 1 ? `attempt ${step.attempts}` : '',
  ]);
  const outputs = manifest.outputs.map(({ name, rows, bytes, sha256 }) => [
    name,
    formatCount(rows),
    formatBytes(bytes),
    sha256.slice(0, 12),
  ]);
  const quarantine = Object.entries(manifest.quarantine).map(([rule, rows]) => [rule, formatCount(rows)]);
  return [
    `${paint.bold(manifest.pipeline)}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(8)} ${value}`),
    ...section(['SOURCE', 'ROWS', 'SIZE', 'FROM'], sources, paint),
    ...section(['STEP', 'ROWS IN', 'ROWS OUT', 'TOOK', ''], steps, paint),
    ...section(['QUARANTINED BY', 'ROWS'], quarantine, paint),
    ...section(['OUTPUT', 'ROWS', 'SIZE', 'SHA-256'], outputs, paint),
  ].join('\n');
}

const section = (head: string[], rows: string[][], paint: Paint): string[] =>
  rows.length === 0 ? [] : ['', table(head, rows, paint)];
