import { ERRORS } from '../errors.js';
import { ENVIRONMENT } from '../settings-schema.js';
import { formatJson, pipelineJsonSchema, settingsJsonSchema } from './json.js';
import { keyReference } from './reference.js';

const NOTE = '<!-- Generated from the code by `node dist/config/generate.js`; edit that instead. -->';

const GROUPS: Record<string, string> = {
  '1': 'Usage and configuration',
  '2': 'Data',
  '3': 'Runs',
  '4': 'Things asked for',
  '5': 'Engine and store',
  '6': 'Intake and notification',
  '7': 'Refusals',
};

const groupOf = (code: string): string => code.slice('GR-'.length, 'GR-'.length + 1);

/** A section for each code, so that a link to `errors.md#gr-1003` shows what it means. */
const errorsPage = (): string => {
  const lines = [
    NOTE,
    '',
    '# Errors',
    '',
    'The same code stands in the command line, the engine, the log and the API. `georefresh error CODE` prints its entry.',
    '',
    'Exit codes: 1 the run failed, a retry may help; 2 usage or configuration; 3 the data broke its contract; 5 engine or store unreachable; 6 not found; 7 refused; 130 cancelled.',
    '',
  ];
  let group = '';
  for (const [code, { title, remedy, retryable, exit }] of Object.entries(ERRORS)) {
    if (groupOf(code) !== group) {
      group = groupOf(code);
      lines.push(`## ${GROUPS[group] ?? group}`, '');
    }
    const again = retryable ? 'the engine tries the step again' : 'a retry does not help by itself';
    lines.push(
      `### ${code}`,
      '',
      `**${title}.** ${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`,
      '',
      `Exit code ${exit}; ${again}.`,
      '',
    );
  }
  return lines.join('\n');
};

const settingsPage = (): string =>
  [
    NOTE,
    '',
    '# Settings',
    '',
    '`config/settings.yaml`, or the file that `GEOREFRESH_SETTINGS` names. The environment wins over the file, the file over the defaults. All faults are told at once (GR-1002). Secrets come from the environment only.',
    '',
    'Durations are written `500ms`, `10s`, `5m`, `1h` or `30d`; sizes `600MB`, `4GB` (powers of ten) or `512MiB` (powers of two).',
    '',
    ...keyReference(settingsJsonSchema(), 'settings.yaml'),
    '## Environment',
    '',
    '| variable | key |',
    '|---|---|',
    ...Object.entries(ENVIRONMENT).map(([variable, key]) => `| \`${variable}\` | \`${key}\` |`),
    '| `GEOREFRESH_SETTINGS` | path of another settings file |',
    '| `GEOREFRESH_POSTGRES_URL` | a secret: address of the PostgreSQL that outputs with `to: postgres` go to, `postgres://user:password@host:5432/database` |',
    '| `S3_BUCKET` | the store `s3://<bucket>`, where the provider is `aws` and no store is set |',
    '',
    'An empty variable counts as unset. Paths in the environment are relative to the current folder, several folders of pipelines are joined as in `PATH`.',
    '',
  ].join('\n');

const pipelinePage = (): string =>
  [
    NOTE,
    '',
    '# pipeline.yaml',
    '',
    'Editors check it by `config/pipeline.schema.json`. `<name>` stands for a name that you choose, `[]` for each entry of a list. Unknown keys are errors; all faults are told at once, with their lines (GR-1003).',
    '',
    'Tables that are built for several cut-offs are named with the one that is meant: `tract_features@train`. Lengths are written `500 m`, `2.5 km` or `5 mi`.',
    '',
    ...keyReference(pipelineJsonSchema(), 'pipeline.yaml'),
  ].join('\n');

/** Every generated file that is committed: its path in the project, and its text. */
export const generatedFiles = (): Record<string, string> => ({
  'config/pipeline.schema.json': `${formatJson(pipelineJsonSchema())}\n`,
  'config/settings.schema.json': `${formatJson(settingsJsonSchema())}\n`,
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/pipeline.md': pipelinePage(),
  'docs/reference/settings.md': settingsPage(),
});
