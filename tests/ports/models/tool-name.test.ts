import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readNames, toProviderName } from '../../../core/ports/models/tool-name.ts';

describe('tool names', () => {
  it('are what providers allow, whatever the tool is called', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 200 }), (name) => {
        assert.match(toProviderName(name), /^[a-zA-Z0-9_-]{1,64}$/);
      }),
    );
  });

  it('come back as they went, and no two meet', () => {
    const word = fc.stringMatching(/^[a-z_][a-z0-9_.:/-]{0,90}$/);
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 1, maxLength: 30 }), (names) => {
        const nameOf = readNames(names.map((name) => ({ name })));
        assert.deepEqual(
          names.map((name) => nameOf(toProviderName(name))),
          names,
        );
      }),
    );
  });

  it('of tools that were not offered come back with dots', () => {
    assert.equal(readNames([])('finance-hold-release'), 'finance.hold.release');
  });

  it('refuse two tools that a model could not tell apart', () => {
    const odd = 'finance hold';
    const twin = toProviderName(odd).replaceAll('-', '.');

    assert.throws(() => readNames([{ name: odd }, { name: twin }]), /rename/);
  });
});
