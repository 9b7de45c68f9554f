import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, escapeHtml, Html, html, stripVolatile, volatile } from '../../../activities/publish/html.js';

describe('html', () => {
  test('values are escaped, markup and lists of markup are not', () => {
    const items = ['<b>', '"&\''].map((item) => html`<li title="${item}">${item}</li>`);
    expect(html`<ul>${items}${false}${null}${undefined}${0}</ul>`.text).toBe(
      '<ul><li title="&lt;b&gt;">&lt;b&gt;</li><li title="&quot;&amp;&#39;">&quot;&amp;&#39;</li>0</ul>',
    );
    expect(html`${new Html('<hr>')}`.text).toBe('<hr>');
  });

  test('no text of any kind leaves a character that could open a tag, an entity or an attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'`]|&(?!(amp|lt|gt|quot|#39|#96);)/);
        expect(Buffer.from(escaped).toString()).toBe(escaped);
      }),
    );
  });

  test('lone surrogates and control characters become the replacement character', () => {
    expect(escapeHtml('a\ud800b\u0000c\u001bd\u0085')).toBe('a\ufffdb\ufffdc\ufffdd\ufffd');
    expect(escapeHtml('tab\tline\n😀')).toBe('tab\tline\n😀');
  });

  test('cut keeps whole characters and marks what it left out', () => {
    expect(cut('abcdef', 6)).toBe('abcdef');
    expect(cut('abcdefg', 6)).toBe('abcde…');
    expect(cut('😀😀😀', 3)).toBe('😀😀😀');
    expect(cut('😀😀😀😀', 3)).toBe('😀😀…');
  });

  test('stripVolatile takes out volatile texts, whatever they are, and nothing else', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (lasting, a, b) => {
        const page = (text: string): string => html`<p>${lasting}</p>${volatile(text)}<p>${lasting}</p>`.text;
        expect(stripVolatile(page(a))).toBe(stripVolatile(page(b)));
        expect(stripVolatile(page(a))).toContain(`<p>${escapeHtml(lasting)}</p>`);
      }),
    );
  });
});
