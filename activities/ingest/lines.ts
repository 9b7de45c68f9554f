import { open } from 'node:fs/promises';
import type { Dialect } from './csv.js';

const BLOCK = 1 << 20;
const [LF, CR] = [0x0a, 0x0d];
const NEW_LINE = Buffer.from([LF]);
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Where a scan stands in a cell; quotes count from `QUOTED` on. */
const [START, BARE, QUOTED, CLOSING] = [0, 1, 2, 3];

/**
 * Copies some records of a CSV file into a file that does not exist yet, each as it stands and ended by a line feed, and
 * answers how many records there are. `wanted` are their numbers in rising order, 1 for the first behind the header.
 * Lines end in LF or CR LF, and empty ones are none: where the engine sees other records than these, their number
 * tells. Undefined where the dialect's marks are no single bytes.
 */
export async function copyRecords(
  path: string,
  to: string,
  wanted: ArrayLike<number>,
  dialect: Dialect,
  signal?: AbortSignal,
): Promise<number | undefined> {
  if ([dialect.delimiter, dialect.quote].some((mark) => Buffer.byteLength(mark) > 1)) return undefined;
  const scan = new RecordScan(wanted, dialect);
  const [source, target] = [await open(path, 'r'), await open(to, 'wx')];
  try {
    const block = Buffer.allocUnsafe(BLOCK);
    for (let offset = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await source.read(block, 0, BLOCK);
      const start = offset === 0 && block.subarray(0, bytesRead).indexOf(BOM) === 0 ? BOM.length : 0;
      const found = bytesRead === 0 ? scan.end() : scan.feed(block.subarray(start, bytesRead));
      if (found.length > 0) await target.appendFile(Buffer.concat(found));
      if (bytesRead === 0) return scan.records;
      offset += bytesRead;
    }
  } finally {
    await source.close();
    await target.close();
  }
}

/** Finds the ends of records in the blocks of a file, and keeps the bytes of those that are wanted. */
export class RecordScan {
  /** Records seen, without the header. */
  records: number;
  readonly #wanted: ArrayLike<number>;
  readonly #comma: number;
  readonly #quote: number;
  #skip: number;
  #next = 0;
  #at = START;
  /** Bytes of the open record in the blocks before, whether the first of them ends a line, and all where it is wanted. */
  #open = 0;
  #returns = false;
  #held: Buffer[] = [];
  #found: Buffer[] = [];

  constructor(wanted: ArrayLike<number>, { delimiter, quote, header, skip }: Dialect) {
    this.#wanted = wanted;
    this.#comma = delimiter.charCodeAt(0);
    this.#quote = quote === '' ? -1 : quote.charCodeAt(0);
    this.#skip = skip;
    this.records = header ? -1 : 0;
  }

  /** The bytes of wanted records that end or go on in this block, whose own may be overwritten afterwards. */
  feed(block: Buffer): Buffer[] {
    this.#found = [];
    // Most blocks hold no quote, and then a record ends wherever a line does: no byte of it need be looked at here.
    const hasQuotes = this.#at >= QUOTED || (this.#quote >= 0 && block.includes(this.#quote));
    const from = hasQuotes ? this.#byCells(block) : this.#byLines(block);
    if (from < block.length) {
      if (this.#isWanted()) this.#held.push(Buffer.from(block.subarray(from)));
      if (this.#open === 0) this.#returns = block[from] === CR;
      this.#open += block.length - from;
    }
    return this.#found;
  }

  /** What is left of a last record that no line end follows. */
  end(): Buffer[] {
    this.#found = [];
    if (this.#open > 0) this.#close(NEW_LINE, 0, 0);
    this.records = Math.max(0, this.records);
    return this.#found;
  }

  /** Answers where the open record begins. */
  #byLines(block: Buffer): number {
    let from = 0;
    for (let end = block.indexOf(LF); end >= 0; end = block.indexOf(LF, from)) {
      // Nearly every line is a record that nobody wants, whole in its block: it is only counted.
      if (this.#open === 0 && end - from > 1 && this.#skip === 0 && !this.#isWanted()) this.records++;
      else this.#close(block, from, end);
      from = end + 1;
    }
    const last = block[block.length - 1];
    this.#at = last === LF || last === this.#comma ? START : BARE;
    return from;
  }

  #byCells(block: Buffer): number {
    const [comma, quote] = [this.#comma, this.#quote];
    let at = this.#at;
    let from = 0;
    for (let i = 0; i < block.length; i++) {
      const byte = block[i];
      if (at === QUOTED) {
        if (byte === quote) at = CLOSING;
      } else if (byte === quote && at !== BARE) at = QUOTED;
      else if (byte === LF) {
        this.#close(block, from, i);
        from = i + 1;
        at = START;
      } else at = byte === comma ? START : BARE;
    }
    this.#at = at;
    return from;
  }

  #isWanted(): boolean {
    return this.#skip === 0 && this.#next < this.#wanted.length && this.#wanted[this.#next] === this.records + 1;
  }

  #close(block: Buffer, from: number, end: number): void {
    const bytes = this.#open + end - from;
    const returns = this.#open === 0 ? block[from] === CR : this.#returns;
    const isEmpty = bytes === 0 || (bytes === 1 && returns);
    const held = this.#held;
    this.#held = [];
    this.#open = 0;
    if (this.#skip > 0) this.#skip--;
    else if (!isEmpty) {
      if (this.#isWanted()) {
        const record = Buffer.concat([...held, block.subarray(from, end)]);
        this.#found.push(record.at(-1) === CR ? record.subarray(0, -1) : record, NEW_LINE);
        this.#next++;
      }
      this.records++;
    }
  }
}
