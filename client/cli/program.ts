import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { GeorefreshError } from '../../config/errors.js';
import { bringDefinitions } from '../../lake/bring.js';
import { examples } from './arguments.js';
import { backfillCommand } from './commands/backfill.js';
import { cancelCommand } from './commands/cancel.js';
import { contractCommand } from './commands/contract.js';
import { deliverCommand } from './commands/deliver.js';
import { diffCommand } from './commands/diff.js';
import { doctorCommand } from './commands/doctor.js';
import { errorCommand } from './commands/error.js';
import { gcCommand } from './commands/gc.js';
import { initCommand } from './commands/init.js';
import { outputsCommand } from './commands/outputs.js';
import { planCommand } from './commands/plan.js';
import { quarantineCommand } from './commands/quarantine.js';
import { queryCommand } from './commands/query.js';
import { refreshCommand } from './commands/refresh.js';
import { releaseCommand } from './commands/release.js';
import { rollbackCommand } from './commands/rollback.js';
import { runsCommand } from './commands/runs.js';
import { scheduleCommand } from './commands/schedule.js';
import { showCommand } from './commands/show.js';
import { signalCommand } from './commands/signal.js';
import { startCommand } from './commands/start.js';
import { statusCommand } from './commands/status.js';
import { upCommand } from './commands/up.js';
import { validateCommand } from './commands/validate.js';
import { viewsCommand } from './commands/views.js';
import { exitOf, problemBlock, problemOf } from './problems.js';
import { type GlobalOptions, Shell, type ShellStreams } from './shell.js';

const { version: VERSION } = createRequire(import.meta.url)('georefresh/package.json') as { version: string };

const COMMANDS = [
  startCommand,
  upCommand,
  refreshCommand,
  planCommand,
  statusCommand,
  runsCommand,
  showCommand,
  outputsCommand,
  diffCommand,
  queryCommand,
  viewsCommand,
  quarantineCommand,
  validateCommand,
  contractCommand,
  initCommand,
  backfillCommand,
  cancelCommand,
  scheduleCommand,
  signalCommand,
  rollbackCommand,
  releaseCommand,
  deliverCommand,
  gcCommand,
  doctorCommand,
  errorCommand,
];

/** The whole command line; each command loads what it needs when it runs. */
export function createProgram(shell: Shell): Command {
  const program = new Command('georefresh')
    .description('Keeps geospatial data products and the models on them fresh.')
    .version(VERSION, '--version', 'the version of georefresh')
    .option('--json', 'one JSON object on stdout; lists as one object a line')
    .option('-q, --quiet', 'nothing but the result and what went wrong')
    .option('-v, --verbose', 'more, and the log on stderr')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .option('--home <folder>', 'folder of inputs, lake, outputs and the engine (GEOREFRESH_HOME)')
    .option('--store <uri>', 'where the lake is, if not in the home (GEOREFRESH_STORE)')
    .option('--address <host:port>', 'a Temporal server that is there already (TEMPORAL_ADDRESS)')
    .configureHelp({ showGlobalOptions: true })
    // What is wrong with a command line is told in the same form as any other error.
    .configureOutput({
      writeOut: (text) => shell.data(text.trimEnd()),
      writeErr: (text) => shell.fault(text.trimEnd()),
      outputError: () => undefined,
    })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', examples('georefresh refresh', 'georefresh status --watch', 'georefresh refresh --help'));
  for (const make of COMMANDS) {
    const command = make(shell).copyInheritedSettings(program);
    program.addCommand(command);
  }
  program.hook('preAction', () => shell.configure(program.opts<GlobalOptions>()));
  return program;
}

/** Runs a command line (without node and script) and returns the exit code; never throws. */
export async function runProgram(argv: readonly string[], streams: ShellStreams): Promise<number> {
  const shell = new Shell(streams);
  bringDefinitions();
  const program = createProgram(shell);
  // A fault of the command line comes before its options are known.
  shell.configure({ json: argv.includes('--json'), color: !argv.includes('--no-color') });
  try {
    if (argv.length === 0) program.help({ error: true });
    // Commander would show the whole usage for a command that there is not.
    const [help, about] = argv;
    const known = ['help', ...program.commands.map((command) => command.name())];
    if (help === 'help' && about !== undefined && !about.startsWith('-') && !known.includes(about))
      throw new GeorefreshError('GR-1001', `unknown command '${about}'`);
    await program.parseAsync(argv, { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    return conclude(error, shell);
  }
}

/** The one place where an error becomes an exit code. */
function conclude(error: unknown, shell: Shell): number {
  if (error instanceof CommanderError) {
    if (['commander.helpDisplayed', 'commander.version'].includes(error.code)) return 0;
    // Of a command line without a command; `help` itself is what was asked for.
    if (error.code === 'commander.help') return error.exitCode === 0 ? 0 : 2;
  }
  const known =
    error instanceof CommanderError
      ? new GeorefreshError('GR-1001', error.message.replace(/^error: /, ''))
      : error instanceof Error && error.name === 'AbortError'
        ? new GeorefreshError('GR-3006', 'the command was interrupted before one began', { cause: error })
        : error;
  const problem = problemOf(known);
  if (shell.json) shell.object({ error: problem });
  shell.fault(problemBlock(problem, shell.err));
  if (shell.verbose && error instanceof Error && error.stack) shell.fault(shell.err.dim(error.stack));
  return exitOf(known);
}
