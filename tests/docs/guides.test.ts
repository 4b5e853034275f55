import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { verifies } from '../support/verifies.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

describe('the guides', () => {
  it('are there for architecture, deployment, API, migration and performance, and can be found from the first page', () => {
    verifies('R14.guides');
    const guides = ['architecture', 'operations', 'api', 'mcp-use', 'performance'];
    const found = new Set(linksOf('README.md').map(({ file }) => file));

    assert.deepEqual(
      guides.map((name) => `docs/${name}.md`).filter((file) => !found.has(file)),
      [],
    );
    const hidden = pages.filter((file) => /^docs\/[^/]+$/.test(file) && !found.has(file));
    assert.deepEqual(hidden, [], 'README.md leads to every page');
  });

  it('link to what there is', () => {
    const links = pages.flatMap((page) => linksOf(page));
    const dead = links.filter(({ file, anchor }) => !isThere(file, anchor));

    assert.ok(links.length > 100, `${links.length} links`);
    assert.deepEqual(dead, []);
  });

  it('come with a changelog, a guide for contributors and an open licence', () => {
    verifies('R14.changelog');
    const { version, license } = JSON.parse(read('package.json')) as Record<string, string>;

    assert.match(read('CHANGELOG.md'), new RegExp(`^## .*(${version}|Unreleased)`, 'm'));
    assert.match(read('CONTRIBUTING.md'), /npm test/);
    assert.match(read('LICENSE'), new RegExp(`^${license}`, 'm'));
  });
});

interface Link {
  readonly on: string;
  readonly file: string;
  readonly anchor: string;
}

/** The links of a page to files of this repository. */
function linksOf(page: string): readonly Link[] {
  const text = read(page).replaceAll(/```.*?```/gs, '');
  return [...text.matchAll(/\]\((?!\w+:)([^)\s#]*)#?([^)\s]*)\)/g)].map(
    ([, path = '', anchor = '']) => ({
      on: page,
      file: path === '' ? page : relative(root, join(root, dirname(page), path)),
      anchor,
    }),
  );
}

function isThere(file: string, anchor: string): boolean {
  if (!existsSync(join(root, file))) return false;
  if (anchor === '' || !file.endsWith('.md')) return true;
  const headings = read(file).matchAll(/^#+ (.*)$/gm);
  return [...headings].some(([, heading = '']) => anchorOf(heading) === anchor);
}

/** As GitHub makes it: lower case, without punctuation, with hyphens for spaces. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
    .replaceAll(' ', '-');
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
