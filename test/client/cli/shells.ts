import { PassThrough } from 'node:stream';
import { runProgram } from '../../../client/cli/program.js';
import type { ShellStreams, Stream } from '../../../client/cli/shell.js';

/** Streams that keep what is written; `tty` makes terminals of them. */
export function streams(
  env: NodeJS.ProcessEnv = {},
  tty = false,
): ShellStreams & { said(): { out: string; err: string } } {
  const keep = (): { stream: Stream; text(): string } => {
    const chunks: string[] = [];
    const stream: Stream = new PassThrough().on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
    if (tty) Object.assign(stream, { isTTY: true, columns: 100 });
    return { stream, text: () => chunks.join('') };
  };
  const [out, err] = [keep(), keep()];
  return { stdout: out.stream, stderr: err.stream, env, said: () => ({ out: out.text(), err: err.text() }) };
}

/** Runs a command line in this process. */
export async function georefresh(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; out: string; err: string }> {
  const io = streams(env);
  const code = await runProgram(args, io);
  return { code, ...io.said() };
}
