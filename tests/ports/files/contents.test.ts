import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFiles } from '../../../core/ports/files/files.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';
import { ended, fileWorld, text, ways } from './world.ts';

for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
  describe(`files, folders ${way}`, () => {
    it('reads back what was written, with its folders, and lists it by name', async () => {
      verifies('R5.file-tools');
      using world = fileWorld(way);
      const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);

      const written = await world.files.write('a/b/c.bin', bytes);
      await world.files.write('a/B.txt', 'ä');

      const sha256 = createHash('sha256').update(bytes).digest('hex');
      assert.deepEqual(written, { path: 'a/b/c.bin', bytes: 300, sha256 });
      assert.deepEqual([...(await world.files.read('a/b/c.bin'))], [...bytes]);
      assert.deepEqual(await world.files.list('a'), [
        { name: 'B.txt', kind: 'file', bytes: 2 },
        { name: 'b', kind: 'folder', bytes: 0 },
      ]);
      assert.deepEqual(await world.files.list(''), await world.files.list('.'));
    });

    it('shows a reader the old file or the new one, whole, while both change', async () => {
      using world = fileWorld(way);
      const versions = ['a', 'b', 'c'].map((letter) => letter.repeat(9_000));
      await world.files.write('x.txt', versions[0] as string);

      const writing = versions.flatMap((version) =>
        Array.from({ length: 8 }, () => world.files.write('x.txt', version)),
      );
      const reading = Array.from({ length: 100 }, () => ended(world.files.read('x.txt')));
      const read = await Promise.all(reading);
      await Promise.all(writing);

      const whole = read.filter((got) => typeof got !== 'string').map(text);
      assert.ok(whole.length > 0 && whole.every((got) => versions.includes(got)));
      assert.equal(way === 'held' ? whole.length : 100, 100);
      assert.deepEqual(readdirSync(world.own).sort(), ['note.txt', 'reports', 'x.txt']);
    });

    it('refuses what is too long, to write and to read', async () => {
      using world = fileWorld(way, { maxBytes: 10 });
      writeFileSync(join(world.own, 'long.txt'), '01234567890');

      assert.equal(await ended(world.files.write('new/x.txt', '01234567890')), 'FILE_REFUSED');
      assert.equal(await ended(world.files.read('long.txt')), 'FILE_REFUSED');
      await world.files.write('x.txt', '0123456789');

      assert.equal(text(await world.files.read('x.txt')), '0123456789');
      assert.equal(existsSync(join(world.own, 'new')), false);
    });

    it('keeps all files of a tenant within the quota, whoever writes at once', async () => {
      using world = fileWorld(way, { quotaBytes: 25_000 });
      const write = (name: string): Promise<unknown> =>
        ended(world.files.write(`${name}.txt`, 'x'.repeat(9_000)));

      const first = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(write));
      const later = [await write('f'), await write('g'), await write('h')];
      const empty = await ended(world.files.write('one/two/three/x.txt', 'x'.repeat(9_000)));

      assert.ok([...first, ...later].filter((end) => end !== 'FILE_REFUSED').length <= 2);
      assert.equal(later.at(-1), 'FILE_REFUSED');
      assert.equal(empty, 'FILE_REFUSED');
      const left = readdirSync(world.own);
      assert.ok(!left.some((name) => name.startsWith('.tutti-')) && !left.includes('one'));
      // To replace a file needs no more room than the difference.
      const standing = left.find((name) => /^[a-h]\.txt$/.test(name)) as string;
      await world.files.write(standing, 'y'.repeat(9_000));
    });

    it('removes what a crash has left of a write, after an hour', async () => {
      using world = fileWorld(way);
      for (const name of ['.tutti-old', '.tutti-new']) writeFileSync(join(world.own, name), 'half');
      const agoS = Date.now() / 1_000 - 3_700;
      utimesSync(join(world.own, '.tutti-old'), agoS, agoS);

      await world.files.write('x.txt', 'x');

      assert.deepEqual(
        readdirSync(world.own).filter((name) => name.startsWith('.tutti-')),
        ['.tutti-new'],
      );
      assert.ok((await world.files.list('')).every(({ name }) => !name.startsWith('.tutti-')));
    });
  });
}

describe('openFiles', () => {
  it('gives each tenant a folder of its own under the data folder, once it writes', async () => {
    verifies('R12.tenancy');
    using folder = scratchFolder({});
    const [one, two] = [1, 2].map((tenantId) =>
      openFiles({}, { dataFolder: folder.path, tenantId }),
    ) as [ReturnType<typeof openFiles>, ReturnType<typeof openFiles>];

    assert.deepEqual(await one.list(''), []);
    assert.equal(await ended(one.read('x.txt')), 'FILE_UNKNOWN');
    assert.equal(await ended(one.list('x')), 'FILE_UNKNOWN');
    assert.deepEqual(readdirSync(folder.path), []);
    await one.write('x.txt', 'one');

    assert.equal(await ended(two.read('x.txt')), 'FILE_UNKNOWN');
    assert.deepEqual(readdirSync(folder.path), ['files']);
    assert.deepEqual(readdirSync(join(folder.path, 'files')), ['1']);
  });
});
