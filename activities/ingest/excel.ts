import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import excel, { type Cell, type CellValue, type Worksheet } from 'exceljs';
import { TooLargeError } from './text.js';

const inflate = promisify(inflateRaw);

/** Bytes that the parts of a workbook may unpack to: it is held in memory as a whole. */
const LARGEST = 256 << 20;

/** A workbook that is none, or whose cells do not say what the records are; the message follows the file's name. */
export class WorkbookError extends Error {}

export interface SheetOptions {
  /** The sheet to read; needed where several hold something. */
  sheet?: string;
  /** Rows above the header. */
  skip: number;
  signal?: AbortSignal;
}

/**
 * Writes the records of a sheet as CSV (UTF-8, commas, each cell in quotes), rows that hold nothing left out. Times are
 * ISO 8601 without zone, a formula is the result that was saved with it. Rejects with a WorkbookError where it is not
 * clear what to read: several sheets and none named, merged cells among the records, a formula without a result.
 */
export async function sheetToCsv(path: string, to: string, { sheet, skip, signal }: SheetOptions): Promise<void> {
  const bytes = await readFile(path, signal ? { signal } : {});
  await demandSize(bytes);
  const workbook = new excel.Workbook();
  try {
    // The library's own declaration of Buffer is an older one than Node's.
    await workbook.xlsx.load(bytes as unknown as Parameters<typeof workbook.xlsx.load>[0]);
  } catch {
    throw new WorkbookError('is no Excel workbook, or a damaged one');
  }
  const chosen = choose(workbook.worksheets, sheet);
  demandPlain(chosen, skip);
  await pipeline(Readable.from(lines(chosen, skip)), createWriteStream(to, { flags: 'wx' }));
}

function choose(sheets: readonly Worksheet[], name: string | undefined): Worksheet {
  const filled = sheets.filter(({ actualRowCount }) => actualRowCount > 0);
  const names = (filled.length > 0 ? filled : sheets).map((one) => one.name).join(', ');
  const found =
    name === undefined ? (filled.length === 1 ? filled[0] : undefined) : sheets.find((one) => one.name === name);
  if (found !== undefined) return found;
  if (name !== undefined) throw new WorkbookError(`has no sheet ${name}; it has ${names}`);
  throw new WorkbookError(
    filled.length === 0 ? 'has no sheet that holds anything' : `has several sheets; name one by sheet: ${names}`,
  );
}

function demandPlain(sheet: Worksheet, skip: number): void {
  const merges = (sheet.model as { merges?: string[] }).merges ?? [];
  const merged = merges.find((range) => Number(/(\d+)$/.exec(range)?.[1]) > skip);
  if (merged !== undefined)
    throw new WorkbookError(
      `has merged cells ${merged} in sheet ${sheet.name}; a record needs a cell of its own in each column`,
    );
}

function* lines(sheet: Worksheet, skip: number): Generator<string> {
  const width = sheet.columnCount;
  for (let at = skip + 1; at <= sheet.rowCount; at++) {
    const row = sheet.findRow(at);
    if (row === undefined || !row.hasValues) continue;
    const cells = Array.from({ length: width }, (_, column) => textOf(row.getCell(column + 1)));
    if (cells.every((cell) => cell === '')) continue;
    yield `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`;
  }
}

function textOf(cell: Cell): string {
  if (cell.type === excel.ValueType.Formula && cell.result === undefined)
    throw new WorkbookError(`has a formula without a result in ${cell.address}; open it, let it calculate and save it`);
  return plain(cell.type === excel.ValueType.Formula ? (cell.result as CellValue) : cell.value);
}

function plain(value: CellValue): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date)
    return Number.isNaN(value.getTime())
      ? ''
      : value
          .toISOString()
          .slice(0, 23)
          .replace('T', ' ')
          .replace(/\.000$/, '');
  if (typeof value !== 'object') return String(value);
  if ('richText' in value) return value.richText.map(({ text }) => text).join('');
  if ('error' in value) return value.error;
  if ('text' in value) return plain(value.text as CellValue);
  return 'result' in value ? plain(value.result as CellValue) : '';
}

const DIRECTORY = 0x02014b50;
const END = 0x06054b50;
const DEFLATED = 8;

/** Unpacks every part of a zip once, within the limit: what its directory says of sizes need not be true. */
async function demandSize(zip: Buffer): Promise<void> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || zip.readUInt32LE(end) !== END || end + 22 > zip.length)
    throw new WorkbookError('is no whole zip file');
  let left = LARGEST;
  let at = zip.readUInt32LE(end + 16);
  for (let part = zip.readUInt16LE(end + 10); part > 0; part--) {
    if (at + 46 > zip.length || zip.readUInt32LE(at) !== DIRECTORY) throw new WorkbookError('is no whole zip file');
    const [method, packed, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
    if (local + 30 > zip.length) throw new WorkbookError('is no whole zip file');
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    left -= method === DEFLATED ? await unpackedSize(zip.subarray(from, from + packed), left) : packed;
    if (left < 0) throw new TooLargeError(`more than ${LARGEST} bytes once it is unpacked`);
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}

async function unpackedSize(packed: Buffer, limit: number): Promise<number> {
  try {
    return (await inflate(packed, { maxOutputLength: Math.max(1, limit) })).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new TooLargeError(`more than ${LARGEST} bytes once it is unpacked`);
    throw new WorkbookError('is no whole zip file');
  }
}
