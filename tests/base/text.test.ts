import assert from 'node:assert/strict';
import { format, inspect } from 'node:util';
import fc from 'fast-check';
import { beginningOf, readText, Text } from '../../core/base/text.ts';
import { anyText } from '../support/any-text.ts';

/** Long enough not to occur in anything by chance. */
const secret = 'release-every-hold-2b7f';

describe('free text', () => {
  it('shows its characters nowhere but to who reads it', () => {
    const text = new Text(secret);
    const shown = [
      JSON.stringify({ memo: text, list: [text] }),
      `${text}`,
      String(text),
      [text].join(),
      inspect({ memo: text }, { showHidden: true, depth: 9 }),
      format('%s %o %O %j', text, text, text, text),
      JSON.stringify({ ...text }),
      Object.keys(text).join(),
      JSON.stringify(structuredClone(text)),
      inspect(structuredClone(text), { showHidden: true }),
      new TypeError('x', { cause: text }).stack ?? '',
      inspect(new TypeError('x', { cause: text })),
    ].join('\n');

    assert.ok(!shown.includes(secret), shown);
    assert.equal(readText(text), secret);
  });

  it('says how long it is, and nothing else', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const text = new Text(value);
        assert.equal(text.length, value.length);
        assert.equal(String(text), `[text of ${value.length} characters]`);
        assert.equal(JSON.stringify(text), JSON.stringify(String(text)));
      }),
    );
  });

  it('is read as it was written, but for characters that hide', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (value) => {
        assert.equal(readText(new Text(value)), value);
      }),
    );
    assert.equal(readText(new Text('Größe 5 µm, 東京, Zażółć')), 'Größe 5 µm, 東京, Zażółć');
  });

  it('loses tag characters, zero-width and bidirectional controls, and variation selectors', () => {
    const hidden = [
      0x200b, 0x200e, 0x200f, 0x202a, 0x202e, 0x2060, 0x2066, 0x2069, 0xfe0f, 0xfeff, 0xe0001,
      0xe0041, 0xe007f,
    ].map((code) => String.fromCodePoint(code));
    const spelled = [...'pay now'].map((c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0)));

    assert.equal(readText(new Text(`a${hidden.join('b')}c`)), `a${'b'.repeat(12)}c`);
    assert.equal(readText(new Text(`ok${spelled.join('')}`)), 'ok');
  });
});

describe('the beginning of a text', () => {
  it('is all of it where it is short enough, else says how much is left out, and cuts no character in two', () => {
    assert.equal(beginningOf('abc', 3), 'abc');
    assert.equal(beginningOf('abcd', 3), 'abc\n[cut: 1 more characters]');
    assert.equal(beginningOf('ab\u{1f600}', 3), 'ab\ufffd\n[cut: 1 more characters]');
    assert.equal(beginningOf('abc', -5), '\n[cut: 3 more characters]');
  });
});
