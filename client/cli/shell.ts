import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import picocolors from 'picocolors';
import type { Paint } from './text.js';

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  /** False with --no-color. */
  color?: boolean;
  home?: string;
  store?: string;
  address?: string;
}

export interface Stream extends Writable {
  isTTY?: boolean;
  columns?: number;
}

export interface ShellStreams {
  stdout: Stream;
  stderr: Stream;
  env: NodeJS.ProcessEnv;
}

/** Lines that move need some room; a terminal that does not know its width says 0. */
const NARROWEST = 40;

/**
 * What a command may use of the process: data goes to stdout, all else to stderr, and the exit code is kept until the
 * end. Colours and moving lines appear on terminals only.
 */
export class Shell {
  exitCode = 0;
  #options: GlobalOptions = {};

  constructor(private readonly streams: ShellStreams) {
    // A reader that has seen enough (| head) ends the output, not the command.
    for (const stream of [streams.stdout, streams.stderr])
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
      });
  }

  configure(options: GlobalOptions): void {
    this.#options = options;
  }

  get json(): boolean {
    return this.#options.json ?? false;
  }

  get quiet(): boolean {
    return this.#options.quiet ?? false;
  }

  get verbose(): boolean {
    return this.#options.verbose ?? false;
  }

  /** The environment, with the global options in the place of their variables. */
  get env(): NodeJS.ProcessEnv {
    const { home, store, address } = this.#options;
    return {
      ...this.streams.env,
      ...(home !== undefined && { GEOREFRESH_HOME: resolve(home) }),
      ...(store !== undefined && { GEOREFRESH_STORE: store }),
      ...(address !== undefined && { TEMPORAL_ADDRESS: address }),
    };
  }

  /** Whether lines on stderr may be drawn over: a terminal, and somebody who looks at it. */
  get live(): boolean {
    const { stderr, env } = this.streams;
    const wide = (stderr.columns ?? NARROWEST) >= NARROWEST;
    return wide && stderr.isTTY === true && env.TERM !== 'dumb' && !env.CI && !this.json && !this.quiet;
  }

  /** Where live lines are drawn. */
  get screen(): Stream {
    return this.streams.stderr;
  }

  get out(): Paint {
    return this.#paint(this.streams.stdout);
  }

  get err(): Paint {
    return this.#paint(this.streams.stderr);
  }

  /** A line of data. */
  data(line = ''): void {
    this.streams.stdout.write(`${line}\n`);
  }

  /** Bytes of data as they are, no faster than they are read. */
  async pour(bytes: Readable): Promise<void> {
    await pipeline(bytes, this.streams.stdout, { end: false }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    });
  }

  /** Whether data is looked at by somebody. */
  get isTerminal(): boolean {
    return this.streams.stdout.isTTY === true;
  }

  /** One JSON object as one line of data. */
  object(value: unknown): void {
    this.data(JSON.stringify(value));
  }

  /** A line for whoever watches; not with -q. */
  note(line = ''): void {
    if (!this.quiet) this.streams.stderr.write(`${line}\n`);
  }

  /** A line for whoever wants to know more: with -v. */
  detail(line: string): void {
    if (this.verbose) this.streams.stderr.write(`${this.err.dim(line)}\n`);
  }

  /** A line that even -q does not silence: what went wrong. */
  fault(line: string): void {
    this.streams.stderr.write(`${line}\n`);
  }

  #paint(stream: Stream): Paint {
    const { env } = this.streams;
    const wanted = this.#options.color !== false && !env.NO_COLOR && env.TERM !== 'dumb';
    return picocolors.createColors(wanted && stream.isTTY === true);
  }
}
