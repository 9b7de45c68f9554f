/**
 * Values that several steps need, often at the same moment, and that take work to make: each is made once and kept, those
 * that were asked for last the longest, up to a bound on their weight.
 */
export class Shared<V> {
  /** In order of last use; one that is still being made has no weight yet, and stays. */
  private readonly entries = new Map<string, { value: Promise<V>; weight?: number }>();
  private weight = 0;

  constructor(
    private readonly most: number,
    private readonly weigh: (value: V) => number,
  ) {}

  has(key: string): boolean {
    return this.entries.has(key);
  }

  /** What is kept under a key, or else what `make` makes. One that another asker failed to make says nothing to this one. */
  async get(key: string, make: () => Promise<V>): Promise<V> {
    const known = this.entries.get(key);
    if (known !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, known);
      try {
        return await known.value;
      } catch {
        if (this.entries.has(key)) return this.get(key, make);
      }
    }
    const entry: { value: Promise<V>; weight?: number } = { value: make() };
    this.entries.set(key, entry);
    try {
      const value = await entry.value;
      entry.weight = Math.max(1, this.weigh(value));
      this.weight += entry.weight;
      this.evict();
      return value;
    } catch (error) {
      if (this.entries.get(key) === entry) this.entries.delete(key);
      throw error;
    }
  }

  private evict(): void {
    for (const [key, { weight }] of this.entries) {
      if (this.weight <= this.most || this.entries.size === 1) return;
      if (weight === undefined) continue;
      this.entries.delete(key);
      this.weight -= weight;
    }
  }
}
