import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parametersOf, scanSql } from '../../config/definition/parameters.js';

test('parameters are found outside of strings, names and comments only', () => {
  const sql = `
    select '$no', "$no", 'it''s $no', E'\\'$no', $$ $no $$, $t$ $no $$ $t$, a$no -- $no
    /* $no /* nested $no */ $no */ from self where id < $cut and x = $until and y > $cut`;
  expect(parametersOf(sql)).toEqual(['cut', 'until']);
});

test('positional parameters, second statements and unfinished text are told', () => {
  expect(scanSql('select $1, ?').map(({ kind }) => kind)).toEqual(['positional', 'positional']);
  expect(scanSql('select 1; -- end\n')).toEqual([]);
  expect(scanSql('select 1; drop table x')).toEqual([{ kind: 'second statement', name: ';', offset: 8 }]);
  for (const text of ["'abc", '"abc', '/* abc', '$$ abc'])
    expect(scanSql(`select ${text}`)[0]).toMatchObject({ kind: 'unfinished', offset: 7 });
});

test('a parameter is found wherever it stands among harmless parts', () => {
  const harmless = fc.constantFrom(
    "'a $x'",
    '"b $x"',
    '-- $x\n',
    '/* $x */',
    '$$ $x $$',
    ' and ',
    '(',
    'c$x',
    '1.5',
    "''",
  );
  fc.assert(
    fc.property(fc.array(harmless), fc.array(harmless), (before, after) => {
      const head = `${before.join(' ')} `;
      expect(scanSql(`${head}$name ${after.join(' ')}`)).toEqual([
        { kind: 'parameter', name: 'name', offset: head.length },
      ]);
    }),
  );
});

test('a long text takes linear time', () => {
  const started = performance.now();
  scanSql(`select ${"'a' || $x || ".repeat(40_000)} 1`);
  scanSql('$'.repeat(200_000));
  scanSql(`${'/*'.repeat(100_000)}`);
  expect(performance.now() - started).toBeLessThan(1500);
});
