import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../client/cli/program.js';
import { Shell } from '../client/cli/shell.js';
import { ERRORS, isErrorCode } from '../config/errors.js';
import { loadPipeline } from '../config/load.js';
import { readSettings } from '../config/settings.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SKIPPED = new Set(['node_modules', 'dist', 'data', 'coverage']);

interface Page {
  /** Relative to the project. */
  name: string;
  text: string;
}

/** Every page of the project, hidden and generated folders apart. */
async function pages(folder = ''): Promise<Page[]> {
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<Page[]> => {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) return [];
      if (entry.isDirectory()) return pages(name);
      return entry.name.endsWith('.md') ? [{ name, text: await readFile(join(ROOT, name), 'utf8') }] : [];
    }),
  );
  return found.flat();
}

const FENCE = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm;

/** A page without its fenced blocks and code spans, whose brackets are no links. */
const proseOf = (text: string): string => text.replace(FENCE, '').replace(/`[^`\n]*`/g, '');

/** Targets of links and images. */
const linksOf = (text: string): string[] =>
  Array.from(proseOf(text).matchAll(/\]\(([^()\s]+)\)/g), ([, target = '']) => target);

/** The anchor that a heading gets, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchorsOf = (text: string): string[] =>
  Array.from(text.replace(FENCE, '').matchAll(/^#{1,6} (.+)$/gm), ([, heading = '']) => anchorOf(heading));

const all = await pages();

describe('pages', () => {
  test('are there (S0.19, S0.20)', () => {
    const names = all.map(({ name }) => name);
    const wanted = [
      'README.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'docs/operator-guide.md',
      'docs/technical.md',
    ];
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(existsSync(join(ROOT, 'LICENSE'))).toBe(true);
  });

  test.each(all)('$name links to what there is', ({ name, text }) => {
    const broken = linksOf(text).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? join(ROOT, name) : resolve(ROOT, dirname(name), path);
      if (!existsSync(target)) return true;
      const page = all.find((one) => join(ROOT, one.name) === target);
      return anchor !== undefined && page !== undefined && !anchorsOf(page.text).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test.each(all)('$name names only error codes that there are', ({ text }) => {
    const codes = Array.from(text.matchAll(/\bGR-\d{4}\b/g), ([code]) => code);
    expect(codes.filter((code) => !isErrorCode(code))).toEqual([]);
  });

  test.each(all)('$name names no place of one machine', ({ text }) => {
    expect(text.match(/(?<![\w.])\/(?:home|root|tmp|work|Users)\/\S*/g) ?? []).toEqual([]);
  });

  test('the README has at most 150 lines, and ends no line with blanks', async () => {
    const { text } = all.find(({ name }) => name === 'README.md') ?? { text: '' };
    expect(text.split('\n').length).toBeLessThanOrEqual(151);
    expect(text).not.toMatch(/[ \t]+$/m);
  });

  test('the list of decisions names every record, in order', async () => {
    const records = all.filter(({ name }) => /^docs\/adr\/\d{4}-/.test(name)).map(({ name }) => name.slice(9));
    const index = all.find(({ name }) => name === 'docs/adr/README.md');
    expect(linksOf(index?.text ?? '')).toEqual(records.sort());
    expect(records.map((name) => Number(name.slice(0, 4)))).toEqual(records.map((_, i) => i + 1));
  });

  test.each(all.filter(({ name }) => /^docs\/adr\/\d{4}-/.test(name)))(
    '$name has status, context, decision and consequences',
    ({ text }) => {
      expect(text).toMatch(/^# \d{4} .+\n\nStatus: /);
      expect(text.match(/^## .+$/gm)).toEqual(['## Context', '## Decision', '## Consequences']);
    },
  );
});

/** The program, with its output going nowhere. */
function program(): Command {
  const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
  return createProgram(new Shell({ stdout: nowhere(), stderr: nowhere(), env: {} }));
}

/** Words of a shell's line. None of our examples has an escape, or a quote inside a quote. */
const wordsOf = (line: string): string[] =>
  Array.from(line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g), ([, a, b, c]) => a ?? b ?? c ?? '');

/** Lines of blocks marked `sh`, each command of a line on its own, without assignments before it. */
const commandLines = (text: string): string[] =>
  Array.from(text.matchAll(FENCE))
    .filter(([, , language]) => language === 'sh')
    .flatMap(([, , , block = '']) => block.split('\n'))
    .flatMap((line) => line.split(/&&|\|/))
    .map((line) => line.trim().replace(/^(?:[A-Z_]+=\S*\s+)+/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'));

/** Commands with their whole names; one that only holds others is none. */
const commandsOf = (parent: Command, above: string[] = []): { name: string; command: Command }[] =>
  parent.commands.flatMap((command) => {
    const names = [...above, command.name()];
    const isGroup = command.commands.length > 0 && command.registeredArguments.length === 0;
    return [...(isGroup ? [] : [{ name: names.join(' '), command }]), ...commandsOf(command, names)];
  });

/** What is wrong with a line of our own command, or undefined. */
function faultOf(words: string[]): string | undefined {
  const root = program();
  // The longest name that the line begins with.
  const known = commandsOf(root).filter(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
  const { name, command } = known.at(-1) ?? { name: '', command: undefined };
  if (command === undefined) return `no command ${words[0] ?? ''}`;
  const rest = words.slice(name.split(' ').length);
  const { operands, unknown } = command.parseOptions(rest);
  const globals = root.parseOptions(unknown);
  const stray = [...globals.unknown, ...globals.operands.filter((word) => word.startsWith('-'))];
  if (stray.length > 0) return `no option ${stray.join(' ')}`;
  const most = command.registeredArguments.length;
  return operands.length > most ? `${operands.length} arguments, ${most} at most` : undefined;
}

describe('commands in fenced blocks', () => {
  const lines = all.flatMap(({ name, text }) => commandLines(text).map((line) => ({ name, line })));
  const ours = lines.filter(({ line }) => line.startsWith('georefresh '));

  test('are there', () => {
    expect(ours.length).toBeGreaterThan(10);
  });

  test.each(ours)('$name: $line', ({ line }) => {
    expect(faultOf(wordsOf(line).slice(1))).toBeUndefined();
  });

  test.each(lines.filter(({ line }) => /^npm (run|start|test)\b/.test(line)))('$name: $line', async ({ line }) => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const [, verb = '', script = ''] = wordsOf(line);
    expect(Object.keys(scripts)).toContain(verb === 'run' ? script : verb);
  });

  test('a command, an option or an argument that there is not is found', () => {
    expect(faultOf(['refesh'])).toBe('no command refesh');
    expect(faultOf(['refresh', '--fore'])).toBe('no option --fore');
    expect(faultOf(['runs', 'a', 'b'])).toBe('2 arguments, 1 at most');
    expect(faultOf(['refresh', 'ev-sites', '--set', 'a=1', '--json'])).toBeUndefined();
  });
});

describe('docs/reference/cli.md', () => {
  const { text } = all.find(({ name }) => name === 'docs/reference/cli.md') ?? { text: '' };
  /** Sections by the name of their command; '' is what stands for every command. */
  const sections = new Map(
    text.split(/^## /m).map((section) => [/^`([\w ]*\w)/.exec(section)?.[1] ?? section.split('\n')[0] ?? '', section]),
  );
  const optionsIn = (section: string): string[] =>
    Array.from(section.matchAll(/^\| `([^`]+)` \|/gm), ([, flags = '']) => flags).filter((flags) =>
      flags.startsWith('-'),
    );
  const flagsOf = (command: Command): string[] => command.options.map(({ flags }) => flags);

  test.each(commandsOf(program()))(
    'describes `$name` with its arguments and options, and no others',
    ({ name, command }) => {
      const section = sections.get(name) ?? '';
      const usage = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`));
      expect(section.split('\n')[0]).toBe(`\`${[name, ...usage].join(' ')}\``);
      expect(optionsIn(section)).toEqual(flagsOf(command));
    },
  );

  test('describes the options of every command, and no command that there is not', () => {
    // That of the program alone stands in the text above.
    const [version, ...ofEvery] = flagsOf(program());
    expect(text).toContain(`georefresh ${version}`);
    expect(optionsIn(sections.get('Options of every command') ?? '')).toEqual(ofEvery);
    const described = Array.from(text.matchAll(/^## `([\w ]*\w)/gm), ([, name = '']) => name);
    expect(described).toEqual(commandsOf(program()).map(({ name }) => name));
  });

  test('and the operator guide tell the exit codes of the registry', () => {
    const guide = all.find(({ name }) => name === 'docs/operator-guide.md')?.text ?? '';
    const table = guide.slice(guide.indexOf('## Exit codes'), guide.indexOf('## Outputs'));
    const told = Array.from(table.matchAll(/^\| (\d+) \|/gm), ([, code]) => Number(code));
    const given = new Set(Object.values(ERRORS).map(({ exit }) => exit as number));
    expect(told).toEqual([0, ...[...given].sort((a, b) => a - b)]);
  });
});

describe('the operator guide', () => {
  const guide = all.find(({ name }) => name === 'docs/operator-guide.md')?.text ?? '';

  test('names every file of ev-sites, and whether it must be there (S0.2, S0.3)', async () => {
    const { pipeline } = await loadPipeline('ev-sites', await readSettings({}));
    const told = Array.from(
      guide.matchAll(/^\| [^|]+ \| `(ev_sites\/[^`]+)`[^|]* \| (yes|no) \|$/gm),
      ([, uri, must]) => ({
        uri,
        optional: must === 'no',
      }),
    );
    // Two sources may be layers of one file.
    const files = new Map(Object.values(pipeline.sources).map(({ uri, optional }) => [uri, optional]));
    expect(told).toEqual(Array.from(files, ([uri, optional]) => ({ uri, optional })));
  });
});
