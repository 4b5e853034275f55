import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { nodeFlagsIn } from '../../bin/node24.mjs';
import { root } from '../../scripts/checks.ts';
import { ensureBundles } from '../../scripts/package-bundles.mjs';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

await ensureBundles();
const hook = new URL('fixtures/loaded-files.mjs', import.meta.url).href;

/** Asks who connects for a password, as PostgreSQL does, and hears it. */
function passwordServer() {
  const told = Promise.withResolvers<string>();
  const server = createServer((socket) => {
    socket.once('data', () => {
      // AuthenticationCleartextPassword; what comes back is 'p', a length, the password and a zero.
      socket.write(Buffer.from('520000000800000003', 'hex'));
      socket.once('data', (answer) => {
        told.resolve(answer.subarray(5, -1).toString());
        socket.destroy();
      });
    });
    socket.on('error', () => {});
    socket.on('close', () => told.resolve(''));
  });
  const listening = Promise.withResolvers<Server>();
  server.listen(0, '127.0.0.1', () => listening.resolve(server));
  return { listening: listening.promise, told: told.promise, close: () => server.close() };
}

describe('packages of many small files', function () {
  this.timeout(60_000);

  /** Loads something by the flags that Tutti is run with; resolves with what it has said and the files that were loaded. */
  function load(script: string, cwd: string = root) {
    using folder = scratchFolder({});
    const to = join(folder.path, 'loaded');
    const argv = [...nodeFlagsIn({}), '--import', hook, '--input-type=module', '--eval', script];
    const { PATH = '' } = process.env;
    const said = execFileSync(process.execPath, argv, { cwd, env: { PATH, LOADED_TO: to } });
    return { said: String(said).trim(), loaded: readFileSync(to, 'utf8').split('\n') };
  }
  const bundles = join(root, 'node_modules/.cache/bundles');
  const stands = Object.entries(
    JSON.parse(readFileSync(join(bundles, 'bundles.json'), 'utf8')) as Record<
      string,
      { readonly file: string; readonly made: Readonly<Record<string, string>> }
    >,
  );

  it('are loaded as one file each, for whoever imports them, and in threads', () => {
    verifies('R13.two-commands');
    const script = `import { Worker } from 'node:worker_threads';
const asking = 'import("zod").then(({ z }) => { console.log(z.string().parse("yes")) })';
await import('kysely');
await import('./core/base/ids.ts');
new Worker(asking, { eval: true });`;

    const { said, loaded } = load(script);

    assert.equal(said, 'yes');
    const ofPackages = loaded.filter((url) => /node_modules\/(kysely|zod|uuid)\//.test(url));
    assert.deepEqual(ofPackages, []);
    assert.ok(loaded.some((url) => /\/bundles\/kysely@[\d.]+\.mjs$/.test(url)));
  });

  it('have all that they export, of all their entries', async () => {
    assert.ok(stands.length >= 8);
    for (const [path, { file }] of stands) {
      // By another URL, for which nothing stands, a package is loaded itself.
      const exported = async (place: string) =>
        Object.keys(await import(`${pathToFileURL(place)}?itself`)).sort();

      const bundled = await exported(join(bundles, file));

      assert.deepEqual(bundled, await exported(join(root, 'node_modules', path)), path);
    }
  });

  it('share what their entries have in common', () => {
    const { said } = load(
      `const [a, b] = [await import('zod'), await import('zod/v4')]; console.log(a.ZodString === b.ZodString)`,
    );

    assert.equal(said, 'true');
  });

  it('are loaded themselves where another version is installed, and by require', () => {
    using folder = scratchFolder({
      'node_modules/uuid/package.json':
        '{ "name": "uuid", "version": "0.0.1", "type": "module", "exports": "./dist-node/index.js" }',
      'node_modules/uuid/dist-node/index.js': 'export const v7 = "of the other version";',
    });
    const importing = `console.log((await import('uuid')).v7)`;
    const requiring = `console.log(process.getBuiltinModule('module').createRequire('${pathToFileURL(root).href}/')('uuid').v7.name)`;

    assert.equal(load(importing, folder.path).said, 'of the other version');
    const { loaded } = load(requiring);
    assert.ok(loaded.some((url) => url.includes('node_modules/uuid/')));
  });

  it('are loaded themselves where a package that they need is another version', () => {
    const [, { made }] = stands.find(([path]) => path === 'pg/esm/index.mjs') ?? assert.fail();
    const manifests = (versions: Readonly<Record<string, string>>) =>
      Object.entries(versions).map(([name, version]) => [
        `node_modules/${name}/package.json`,
        JSON.stringify({ name, version, exports: './esm/index.mjs' }),
      ]);
    const said = (versions: Readonly<Record<string, string>>): string => {
      using folder = scratchFolder({
        ...Object.fromEntries(manifests(versions)),
        'node_modules/pg/esm/index.mjs': 'export default { Pool: "of its own" };',
      });
      return load(`console.log((await import('pg')).default.Pool)`, folder.path).said;
    };

    assert.match(said(made), /class BoundPool/);
    assert.equal(said({ ...made, 'pg-protocol': '0.0.1' }), 'of its own');
    const { 'pg-types': _, ...without } = made;
    assert.equal(said(without), 'of its own');
  });

  it('of the database have passwords from a file, wherever its packages lie', async () => {
    const [, { file }] = stands.find(([path]) => path === 'pg/esm/index.mjs') ?? assert.fail();
    using folder = scratchFolder({
      [file]: readFileSync(join(bundles, file), 'utf8'),
      pgpass: '*:*:*:*:of the file',
    });
    const passwords = join(folder.path, 'pgpass');
    chmodSync(passwords, 0o600);
    const server = passwordServer();
    const { port } = (await server.listening).address() as AddressInfo;
    const script = `import pg from './${file}';
await new pg.Client('postgres://anna@127.0.0.1:${port}/books').connect().catch(() => {});`;

    try {
      const { PATH = '' } = process.env;
      const argv = ['--input-type=module', '--eval', script];
      const options = { cwd: folder.path, env: { PATH, PGPASSFILE: passwords } };
      await promisify(execFile)(process.execPath, argv, options);

      assert.equal(await server.told, 'of the file');
    } finally {
      server.close();
    }
  });

  it('keep their licences', () => {
    const licences = readFileSync(join(bundles, 'licences.txt'), 'utf8');

    const names = [...new Set(stands.flatMap(([, { made }]) => Object.keys(made)))];
    const starts = names.map((name) => `\n${licences}`.indexOf(`\n${name}\n\n`));
    const texts = names.map((_, index) => licences.slice(starts[index], starts[index + 1]));

    assert.ok(names.includes('pg-protocol') && !starts.includes(-1));
    assert.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
    for (const text of texts) assert.match(text, /copyright|public domain/i);
  });
});
