import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isEngineError } from '../../../core/base/errors.ts';
import type { Files } from '../../../core/sdk/outside.ts';
import { verifies } from '../../support/verifies.ts';
import { literalPaths, wrongPaths } from './corpus.ts';
import { canary, ended, fileWorld, text, ways } from './world.ts';

/** Everything that can be asked about a path. */
const questions: readonly ((files: Files, path: string) => Promise<unknown>)[] = [
  async (files, path) => text(await files.read(path)),
  async (files, path) => await files.write(path, 'written'),
  async (files, path) => JSON.stringify(await files.list(path)),
];

for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
  describe(`paths, folders ${way}`, () => {
    it('refuses every path that some system reads as a way out', async () => {
      verifies('R12.paths', 'R5.file-tools');
      using world = fileWorld(way);
      const paths = wrongPaths(world.path);
      assert.ok(new Set(paths).size >= 300, `${new Set(paths).size} paths`);

      for (const path of paths)
        for (const ask of questions)
          assert.equal(await ended(ask(world.files, path)), 'FILE_REFUSED', JSON.stringify(path));

      world.assertUntouched();
    });

    it('takes the disguises of other layers for the names that they are', async () => {
      using world = fileWorld(way);

      for (const path of literalPaths) {
        assert.equal(await ended(world.files.read(path)), 'FILE_UNKNOWN', path);
        assert.equal((await world.files.write(path, 'written')).path, path);
        assert.equal(text(await world.files.read(path)), 'written', path);
      }

      world.assertUntouched();
    });

    it('follows no link, and opens nothing but regular files of one name', async () => {
      verifies('R12.paths');
      using world = fileWorld(way);
      const server = createServer().listen(join(world.own, 'socket'));
      await new Promise((resolve) => server.once('listening', resolve));
      plant(world.own, world.path);

      for (const path of planted)
        for (const ask of questions) {
          const answer = await ended(ask(world.files, path));
          // A second name is replaced under this one alone.
          const isReplaced = path === 'second-name' && ask === questions[1];
          if (!isReplaced) assert.ok(answer === 'FILE_REFUSED' || answer === 'FILE_UNKNOWN', path);
        }

      server.close();
      assert.deepEqual(
        (await world.files.list('')).map(({ name }) => name),
        ['note.txt', 'reports', 'second-name'],
      );
      assert.equal(text(await world.files.read('second-name')), 'written');
      assert.equal(readFileSync(join(world.path, 'outside/linked'), 'utf8'), canary);
    });

    it('names what was asked for in its refusals, and never a path of the machine', async () => {
      using world = fileWorld(way);
      symlinkSync(join(world.path, 'outside'), join(world.own, 'away'));
      const said: string[] = [];

      for (const path of ['absent.txt', 'away/canary.txt', 'away', 'note.txt/x', 'reports', '../x'])
        for (const ask of questions)
          await ask(world.files, path).catch((error: unknown) => {
            assert.ok(isEngineError(error) && error.cause === undefined);
            assert.ok(error.message.includes(`'${path}'`), error.message);
            said.push(error.message);
          });

      assert.ok(said.length >= 12, String(said.length));
      for (const message of said)
        assert.ok(!message.includes(world.path) && !message.includes('/proc'), message);
    });
  });
}

const planted = [
  ...['link', 'link-by-name', 'folder/canary.txt', 'folder/new.txt', 'folder', 'up/2/canary.txt'],
  ...['chain', 'loop', 'dangling', 'null', 'self/cwd/package.json', 'neighbour/canary.txt'],
  ...['reports/away/canary.txt', 'reports/away/new/new.txt', 'second-name', 'pipe', 'socket'],
];

function plant(own: string, around: string): void {
  const link = (target: string, name: string): void => symlinkSync(target, join(own, name));
  link(join(around, 'outside/canary.txt'), 'link');
  link('../../canary.txt', 'link-by-name');
  link(join(around, 'outside'), 'folder');
  link('..', 'up');
  link('link', 'chain');
  link('loop', 'loop');
  link(join(around, 'outside/not-there.txt'), 'dangling');
  link('/dev/null', 'null');
  link('/proc/self', 'self');
  link('../2', 'neighbour');
  link('../../../outside', 'reports/away');
  copyFileSync(join(around, 'canary.txt'), join(around, 'outside/linked'));
  linkSync(join(around, 'outside/linked'), join(own, 'second-name'));
  execFileSync('mkfifo', [join(own, 'pipe')]);
}
