import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** Skipped tests by reason, minutes by part, and as the last line the counts alone: `12 passed, 0 failed, 1 skipped`. */
export default class SummaryReporter implements Reporter {
  readonly #spans = new Map<string, { start: number; end: number; files: [string, number][] }>();
  readonly #write: (text: string) => void;
  #root = '';

  constructor({ write }: { write?: (text: string) => void } = {}) {
    this.#write = write ?? ((text) => process.stdout.write(text));
  }

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root;
  }

  onTestModuleStart(module: TestModule): void {
    const now = Date.now();
    const span = this.#spans.get(partOf(module)) ?? { start: now, end: now, files: [] };
    this.#spans.set(partOf(module), span);
  }

  onTestModuleEnd(module: TestModule): void {
    const span = this.#spans.get(partOf(module));
    if (span === undefined) return;
    span.end = Date.now();
    span.files.push([this.#pathOf(module), module.diagnostic().duration]);
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      // A file that cannot be loaded and a hook that fails are failures although no test of theirs ran.
      count.failed += failedSuites(module);
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') {
          count[state]++;
          continue;
        }
        count.skipped++;
        skipped.push(`  ${this.#pathOf(module)}: ${test.fullName}${reasonOf(test)}`);
      }
    }
    const lines = ['', ...(skipped.length > 0 ? ['Skipped:', ...skipped, ''] : []), ...this.#minutes(), ''];
    this.#write(`${lines.join('\n')}\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }

  #minutes(): string[] {
    const lines: string[] = [];
    for (const [part, { start, end, files }] of this.#spans) {
      lines.push(`${part}: ${minutes(end - start)}`);
      // Where files run one by one their minutes add up, and say which part to cut.
      if (part === 'long') lines.push(...files.map(([file, ms]) => `  ${file}: ${minutes(ms)}`));
    }
    return lines;
  }

  #pathOf(module: TestModule): string {
    return module.moduleId.startsWith(this.#root) ? module.moduleId.slice(this.#root.length + 1) : module.moduleId;
  }
}

const partOf = (module: TestModule): string => module.project.name || 'tests';
const minutes = (ms: number): string => `${(ms / 60_000).toFixed(1)} min`;

function failedSuites(suite: TestModule | TestSuite): number {
  let failed = suite.errors().length > 0 ? 1 : 0;
  for (const child of suite.children.suites()) failed += failedSuites(child);
  return failed;
}

/** Why a test was skipped, where its name does not say it. */
function reasonOf(test: TestCase): string {
  if (test.fullName.includes('[skipped: ')) return '';
  const result = test.result();
  const note = 'note' in result ? result.note : undefined;
  return ` [skipped: ${note ?? (test.options.mode === 'run' ? 'a hook before it failed' : `marked ${test.options.mode}`)}]`;
}
