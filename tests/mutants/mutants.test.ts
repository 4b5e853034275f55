import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/checks.ts';
import { mutants } from './mutants.ts';

describe('the planted bugs', () => {
  it('can each be planted: their places stand in the sources exactly once', () => {
    const amiss = mutants.flatMap(({ id, file, find }) => {
      const times = readFileSync(join(root, file), 'utf8').split(find).length - 1;
      return times === 1 ? [] : [`${id}: ${file} has its place ${times} times`];
    });

    assert.deepEqual(amiss, []);
  });

  it('have names of their own, change something, and name tests that exist', () => {
    assert.equal(new Set(mutants.map(({ id }) => id)).size, mutants.length);
    for (const { id, find, replace, tests } of mutants) {
      assert.notEqual(find, replace, id);
      for (const test of tests) assert.ok(existsSync(join(root, test)), `${id}: ${test}`);
    }
  });

  it('stand in docs/testing.md, every one', () => {
    const page = readFileSync(join(root, 'docs/testing.md'), 'utf8');

    assert.deepEqual(
      mutants.filter(({ id }) => !page.includes(`\`${id}\``)).map(({ id }) => id),
      [],
    );
  });
});
