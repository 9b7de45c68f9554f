/**
 * Counts how often each fault was seen to fire. A fault that a suite means to cause but never saw is a failure: a test
 * that passes because nothing happened shows nothing.
 */
export class Sometimes {
  readonly #seen = new Map<string, string[]>();

  /** Names a fault that must be seen before the end. */
  expect(...faults: string[]): void {
    for (const fault of faults) if (!this.#seen.has(fault)) this.#seen.set(fault, []);
  }

  /** The fault fired; `note` is what was measured. */
  saw(fault: string, note = ''): void {
    this.expect(fault);
    this.#seen.get(fault)?.push(note);
  }

  never(): string[] {
    return [...this.#seen].filter(([, notes]) => notes.length === 0).map(([fault]) => fault);
  }

  /** One line a fault: how often, and the notes. */
  table(): string {
    const width = Math.max(0, ...[...this.#seen.keys()].map(({ length }) => length));
    const lines = [...this.#seen].map(([fault, notes]) => {
      const told = notes.filter((note) => note !== '').join(', ');
      return `  ${fault.padEnd(width)}  ${String(notes.length).padStart(3)}  ${told}`.trimEnd();
    });
    return ['Faults seen to fire:', ...lines].join('\n');
  }
}
