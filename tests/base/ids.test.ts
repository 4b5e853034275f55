import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalJson, digest, newId } from '../../core/base/ids.ts';
import { Text } from '../../core/base/text.ts';

describe('ids', () => {
  it('are UUIDv7: unique, and in the order of their making', () => {
    const ids = Array.from({ length: 2_000 }, () => newId());

    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(ids, ids.toSorted());
    for (const id of ids) {
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it('carry the time of their making in their first 48 bits', () => {
    const before = Date.now();
    const ms = Number.parseInt(newId().replaceAll('-', '').slice(0, 12), 16);

    assert.ok(ms >= before && ms <= Date.now());
  });
});

describe('canonical JSON', () => {
  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order in which members were set', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (record) => {
        const reversed = Object.fromEntries(Object.entries(record).reverse());
        assert.equal(canonicalJson(reversed), canonicalJson(record));
      }),
    );
  });

  it('is the form of its own reading', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        assert.equal(canonicalJson(JSON.parse(text)), text);
      }),
    );
  });

  // RFC 8785, sections 3.2.2 and 3.2.3.
  it('gives the bytes of the examples of RFC 8785', () => {
    const values = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    assert.equal(
      canonicalJson(values),
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'];
    assert.equal(
      canonicalJson(Object.fromEntries(names.map((name) => [name, 0]))),
      `{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`,
    );
  });

  it('leaves out members without a value and keeps places in lists', () => {
    assert.equal(canonicalJson({ b: undefined, a: [undefined, 1] }), '{"a":[null,1]}');
    assert.equal(canonicalJson(undefined), 'null');
  });

  it('takes dates and texts for what they say of themselves', () => {
    const at = new Date('2026-06-30T00:00:00.000Z');
    assert.equal(canonicalJson({ at }), '{"at":"2026-06-30T00:00:00.000Z"}');
    assert.equal(canonicalJson(new Text('secret')), '"[text of 6 characters]"');
  });
});

describe('digests', () => {
  it('are 32 bytes that equal values share', () => {
    assert.equal(digest('a', { x: 1, y: 2 }).length, 32);
    assert.deepEqual(digest('a', { x: 1, y: 2 }), digest('a', { y: 2, x: 1 }));
  });

  it('tell apart parts that would read the same when joined', () => {
    const different = [['ab', 'c'], ['a', 'bc'], ['abc'], [['ab', 'c']], ['ab', 'c', '']];
    const digests = new Set(different.map((parts) => digest(...parts).toString('hex')));
    assert.equal(digests.size, different.length);
  });

  // SHA-256 of the text `["abc"]`, as any other implementation computes it.
  it('are SHA-256 over the canonical JSON of the list of parts', () => {
    assert.equal(
      digest('abc').toString('hex'),
      '02f393ea9358560882c1fe797bf99d600aa4643a68276d8e3d714d1c4f19aecc',
    );
  });
});
