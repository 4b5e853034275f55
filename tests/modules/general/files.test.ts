import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from 'tutti/testing';
import { openFiles } from '../../../core/ports/files/files.ts';
import { nothingOutside } from '../../../core/ports/outside.ts';
import { listFiles } from '../../../modules/general/tools/list-files.ts';
import { readFile } from '../../../modules/general/tools/read-file.ts';
import { writeFile } from '../../../modules/general/tools/write-file.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

/** Tenant 1's files, on a real disk. */
function world() {
  const folder = scratchFolder({ 'canary.txt': 'CANARY', 'files/1/note.txt': 'grün' });
  const files = openFiles({}, { dataFolder: folder.path, tenantId: 1 });
  const outside = { outside: () => ({ ...nothingOutside, files }) };
  return {
    own: join(folder.path, 'files/1'),
    read: (args: object) => runTool(readFile, args, outside),
    write: (args: object) => runTool(writeFile, args, outside),
    list: (args: object) => runTool(listFiles, args, outside),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('general.read_file', () => {
  it('gives the text of a file, cut at the end of a whole character', async () => {
    verifies('R5.file-tools');
    using files = world();

    const whole = await files.read({ path: 'note.txt' });
    const cut = await files.read({ path: 'note.txt', maxBytes: 3 });

    const note = { path: 'note.txt', bytes: 5 };
    assert.deepEqual(value(whole), { ...note, text: 'grün', isCut: false });
    assert.deepEqual(value(cut), { ...note, text: 'gr', isCut: true });
  });

  it('refuses what is no UTF-8 text, what is not there and what lies elsewhere', async () => {
    verifies('R12.paths', 'R5.tool-errors');
    using files = world();
    writeFileSync(join(files.own, 'image.png'), Uint8Array.of(137, 80, 78, 71, 0, 1));
    writeFileSync(join(files.own, 'latin.txt'), Uint8Array.of(0x67, 0x72, 0xfc, 0x6e));
    symlinkSync('../../canary.txt', join(files.own, 'link'));

    const codes = [];
    for (const path of ['image.png', 'latin.txt', 'no.txt', '../../canary.txt', 'link'])
      codes.push(code(await files.read({ path })));

    const [binary, refused] = ['INPUT_INVALID', 'FILE_REFUSED'];
    assert.deepEqual(codes, [binary, binary, 'FILE_UNKNOWN', refused, refused]);
  });
});

describe('general.write_file', () => {
  it('puts a text in place as a file, which then can be read', async () => {
    verifies('R5.file-tools');
    using files = world();

    const run = await files.write({ path: 'a/b.txt', content: 'ä' });

    assert.equal(readFileSync(join(files.own, 'a/b.txt'), 'utf8'), 'ä');
    const { bytes, path } = value(run) as { bytes: number; path: string };
    assert.deepEqual({ bytes, path }, { bytes: 2, path: 'a/b.txt' });
    assert.equal(code(await files.write({ path: '/etc/x', content: '' })), 'FILE_REFUSED');
  });

  it('is another effect for other content, the same one for the same', () => {
    const key = (path: string, content: string) => writeFile.key({ path, content }).join(' ');

    assert.equal(key('a', 'x'), key('a', 'x'));
    assert.equal(new Set([key('a', 'x'), key('a', 'y'), key('b', 'x')]).size, 3);
    assert.ok(!key('a', 'secret words').includes('secret'));
  });
});

describe('general.list_files', () => {
  it('lists a folder by name, and says when there is more', async () => {
    verifies('R5.file-tools');
    using files = world();
    mkdirSync(join(files.own, 'b'));

    const all = await files.list({});
    const cut = await files.list({ path: '', limit: 1 });

    const folder = { name: 'b', kind: 'folder', bytes: 0 };
    const file = { name: 'note.txt', kind: 'file', bytes: 5 };
    assert.deepEqual(value(all), { entries: [folder, file], isCut: false });
    assert.deepEqual(value(cut), { entries: [folder], isCut: true });
    assert.equal(code(await files.list({ path: 'no' })), 'FILE_UNKNOWN');
  });
});

type Run = Awaited<ReturnType<typeof runTool>>;

/** What a call gave, of a read or an effect. */
function value(run: Run): unknown {
  assert.ok(run.kind !== 'error', JSON.stringify(run));
  if (run.kind === 'result') return run.value;
  assert.ok(run.value.kind === 'applied', JSON.stringify(run));
  return run.value.result;
}

function code(run: Run): string {
  return run.kind === 'error' ? run.error.code : run.kind;
}
