/** Markup that is safe to place in a page as it stands. Everything else is text and is escaped on its way in. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

/** What a template takes: absent values and `false` leave nothing, lists are joined, strings and numbers are escaped. */
export type Piece = Html | string | number | false | null | undefined | readonly Piece[];

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

// Lone surrogates and control characters have no place in UTF-8 HTML; a parser would alter or reject them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu;

/** Text as HTML: safe in element content and in double-quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(UNPRINTABLE, '\ufffd').replace(/[&<>"'`]/g, (char) => ESCAPES[char] ?? char);

const render = (piece: Piece): string => {
  if (piece instanceof Html) return piece.text;
  if (piece === null || piece === undefined || piece === false) return '';
  if (typeof piece === 'object') return piece.map(render).join('');
  return escapeHtml(String(piece));
};

/** Tagged template: the literal parts are markup, every value is escaped unless it is `Html` itself. */
export const html = (literals: TemplateStringsArray, ...values: Piece[]): Html => {
  let text = literals[0] ?? '';
  for (let i = 0; i < values.length; i++) text += render(values[i]) + (literals[i + 1] ?? '');
  return new Html(text);
};

/** At most `max` characters (code points) of a text, the last an ellipsis where something is left out. */
export const cut = (text: string, max: number): string => {
  if (text.length <= max) return text;
  let end = 0;
  let shorter = 0;
  let count = 0;
  for (const char of text) {
    if (count === max) return `${text.slice(0, shorter)}…`;
    shorter = end;
    end += char.length;
    count++;
  }
  return text;
};

/** A value that differs between two runs over equal data: run ids, durations, wall times. Text only, so that `stripVolatile` is exact. */
export const volatile = (text: string): Html => new Html(`<span data-volatile>${escapeHtml(text)}</span>`);

/** The page without its volatile values: equal byte for byte for runs over equal data. */
export const stripVolatile = (page: string): string =>
  page.replace(/<span data-volatile>[^<]*<\/span>/g, '<span data-volatile></span>');
