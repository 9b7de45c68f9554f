import duckdb from '@duckdb/node-bindings';

/**
 * Codes of texts in order of first appearance, read straight from DuckDB's `duckdb_string_t` cells of 16 bytes:
 * length, then up to twelve bytes of text, or four bytes of it and a pointer to the whole.
 *
 * Decoding a text costs ten times its look-up, so texts are told apart by their cells: one of at most twelve bytes is
 * its cell, and within one vector equal pointers of equal length mean equal texts. Both lie in one open-addressing
 * table; what it does not know is decoded and looked up by value.
 */
export class TextCodes {
  readonly dictionary: string[] = [];
  readonly #byText = new Map<string, number>();
  // Per slot four words of the cell, and the vector it belongs to (0: short texts hold for all vectors).
  #cells = new Uint32Array(4 * 1024);
  #codes = new Int32Array(1024).fill(-1);
  #vectors = new Int32Array(1024);
  #used = 0;
  #vector = 0;

  /** Writes the codes of a vector's `rows` cells to `into` from `at` on, -1 where the validity bit is 0. */
  read(data: Uint8Array, rows: number, validity: Uint8Array | null, into: Int32Array, at: number): void {
    this.#vector++;
    const words = new Uint32Array(data.buffer, data.byteOffset, rows * 4);
    for (let row = 0; row < rows; row++) {
      const missing = validity !== null && ((validity[row >> 3] >> (row & 7)) & 1) === 0;
      into[at + row] = missing ? -1 : this.#code(words, row * 4, data);
    }
  }

  /** The code of a text by value. */
  codeOf(text: string): number {
    let code = this.#byText.get(text);
    if (code === undefined) {
      code = this.dictionary.length;
      this.dictionary.push(text);
      this.#byText.set(text, code);
    }
    return code;
  }

  #code(words: Uint32Array, at: number, data: Uint8Array): number {
    const length = words[at];
    const w1 = words[at + 1];
    const w2 = words[at + 2];
    const w3 = words[at + 3];
    const vector = length <= 12 ? 0 : this.#vector;
    const mask = this.#codes.length - 1;
    let slot = mix(length, w1, w2, w3) & mask;
    for (; this.#codes[slot] !== -1; slot = (slot + 1) & mask) {
      const cell = slot * 4;
      if (
        this.#cells[cell] === length &&
        this.#cells[cell + 1] === w1 &&
        this.#cells[cell + 2] === w2 &&
        this.#cells[cell + 3] === w3 &&
        this.#vectors[slot] === vector
      )
        return this.#codes[slot];
    }
    const code = this.codeOf(decode(data, at * 4, length));
    this.#store(slot, length, w1, w2, w3, vector, code);
    return code;
  }

  #store(slot: number, w0: number, w1: number, w2: number, w3: number, vector: number, code: number): void {
    this.#cells.set([w0, w1, w2, w3], slot * 4);
    this.#vectors[slot] = vector;
    this.#codes[slot] = code;
    this.#used++;
    if (this.#used * 2 > this.#codes.length) this.#rebuild();
  }

  /** Doubles the table, leaving out the pointers of earlier vectors, which mean nothing any more. */
  #rebuild(): void {
    const [cells, codes, vectors] = [this.#cells, this.#codes, this.#vectors];
    const isLive = (slot: number): boolean =>
      codes[slot] !== -1 && (vectors[slot] === 0 || vectors[slot] === this.#vector);
    let live = 0;
    for (let slot = 0; slot < codes.length; slot++) if (isLive(slot)) live++;
    let size = 1024;
    while (size < live * 4) size *= 2;
    this.#cells = new Uint32Array(4 * size);
    this.#codes = new Int32Array(size).fill(-1);
    this.#vectors = new Int32Array(size);
    this.#used = live;
    for (let from = 0; from < codes.length; from++) {
      if (!isLive(from)) continue;
      let to = mix(cells[from * 4], cells[from * 4 + 1], cells[from * 4 + 2], cells[from * 4 + 3]) & (size - 1);
      while (this.#codes[to] !== -1) to = (to + 1) & (size - 1);
      this.#cells.set(cells.subarray(from * 4, from * 4 + 4), to * 4);
      this.#codes[to] = codes[from];
      this.#vectors[to] = vectors[from];
    }
  }
}

/** Four words to one, in the manner of MurmurHash3's rounds. */
function mix(w0: number, w1: number, w2: number, w3: number): number {
  let h = Math.imul(w0 ^ 0x9747b28c, 0xcc9e2d51);
  h = Math.imul((h << 15) | (h >>> 17), 0x1b873593) ^ w1;
  h = Math.imul((h << 13) | (h >>> 19), 0xcc9e2d51) ^ w2;
  h = Math.imul((h << 15) | (h >>> 17), 0x1b873593) ^ w3;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function decode(data: Uint8Array, offset: number, length: number): string {
  const at = data.byteOffset + offset;
  if (length <= 12) return Buffer.from(data.buffer, at + 4, length).toString('utf8');
  const text = duckdb.get_data_from_pointer(data.buffer as ArrayBuffer, at + 8, length);
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8');
}
