import { createReadStream } from 'node:fs';

const BLOCK = 1 << 20;
const [LF, QUOTE, BACKSLASH, COMMA] = [0x0a, 0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const BLANKS = new Set([0x09, LF, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);

/** How deep a record may be nested: what reads it goes down by calls of itself, and a deeper one could end the process. */
export const DEEPEST = 1000;

/** What is wrong with a record of a JSON file; both numbers count from 1. */
export interface JsonFault {
  line: number;
  record: number;
  what: 'is no object' | 'is nested too deep' | 'does not end' | 'is followed by no end of the list';
}

/**
 * The first fault in the frame of a JSON file, be it one list or objects one after the other: what a reader would pass
 * over, as a list that was cut off behind a comma, or could not bear. What stands inside of records is not looked at.
 */
export async function jsonFault(path: string, signal?: AbortSignal): Promise<JsonFault | undefined> {
  const scan = new JsonScan();
  for await (const block of createReadStream(path, { highWaterMark: BLOCK, ...(signal && { signal }) })) {
    const fault = scan.feed(block as Buffer);
    if (fault !== undefined) return fault;
  }
  return scan.end();
}

class JsonScan {
  #line = 1;
  #record = 0;
  /** The line in which the record begins that was seen last. */
  #begun = 1;
  #depth = 0;
  /** The depth at which records stand: 1 in a list; unknown before the first byte. */
  #base: 0 | 1 | undefined;
  #closed = false;
  #quoted = false;
  #escaped = false;

  feed(block: Buffer): JsonFault | undefined {
    for (let i = 0; i < block.length; i++) {
      const byte = block[i] as number;
      if (byte === LF) this.#line++;
      if (this.#quoted) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#quoted = false;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        const fault = this.#opened(byte);
        if (fault !== undefined) return fault;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        this.#depth--;
        if (this.#base === 1 && this.#depth === 0) this.#closed = true;
      } else if (this.#depth > (this.#base ?? 0)) {
        this.#quoted = byte === QUOTE;
      } else if (!this.#closed && !BLANKS.has(byte) && !(byte === COMMA && this.#base === 1)) {
        return this.#fault(this.#record + 1, 'is no object', this.#line);
      }
    }
    return undefined;
  }

  end(): JsonFault | undefined {
    if (this.#depth > (this.#base ?? 0)) return this.#fault(this.#record, 'does not end');
    return this.#base === 1 && !this.#closed
      ? this.#fault(this.#record, 'is followed by no end of the list')
      : undefined;
  }

  #opened(byte: number): JsonFault | undefined {
    if (this.#base === undefined) {
      this.#base = byte === OPEN_LIST ? 1 : 0;
      if (this.#base === 1) {
        this.#depth = 1;
        return undefined;
      }
    }
    if (this.#depth === this.#base && !this.#closed) {
      this.#record++;
      this.#begun = this.#line;
      if (byte === OPEN_LIST) return this.#fault(this.#record, 'is no object');
    }
    this.#depth++;
    return this.#depth - this.#base > DEEPEST ? this.#fault(this.#record, 'is nested too deep') : undefined;
  }

  #fault(record: number, what: JsonFault['what'], line = this.#begun): JsonFault {
    return { line, record, what };
  }
}
