import { load } from 'cheerio';
import { visible } from './answer.ts';
import { PageTables } from './page-tables.ts';

/** What a person would read on a page. */
export interface Page {
  readonly title: string;
  readonly description: string;
  readonly text: string;
  readonly links: { readonly text: string; readonly url: string }[];
  readonly tables: string[][][];
  /** Whether there is more of any of them. */
  readonly isCut: boolean;
}

/** A node as the parser makes it. */
interface PageNode {
  readonly type: string;
  readonly name?: string;
  readonly data?: string;
  readonly attribs?: Readonly<Record<string, string>>;
  readonly children?: readonly PageNode[];
}

// The parser keeps its open elements in a list and puts each new one in front: a page that only opens them takes time by the square
// of their number. 25,000 take 0.7 s on one core of 2025, and pages for people have fewer.
const maxTags = 25_000;
const maxLinks = 200;
// Less than this in the page's main part is no article.
const leastMain = 200;

const unread = new Set(
  'script style noscript template iframe object embed svg canvas audio video'.split(' '),
);
const around = new Set(['nav', 'aside', 'footer']);
const blocks = new Set(
  'address article aside blockquote br dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table td th tr ul'.split(
    ' ',
  ),
);

/** Reads a page. It runs nothing, and recurses nowhere: a stranger chose how deep it nests. */
export function readPage(
  html: string,
  { url, maxCharacters }: { readonly url: string; readonly maxCharacters: number },
): Page {
  const whole = firstTags(html);
  const $ = load(whole, { xml: { xmlMode: false, decodeEntities: true } });
  const reader = new Reader(url);
  walk($.root()[0] as PageNode, reader);
  const text = reader.text();
  return {
    title: tidy(reader.title).slice(0, 300).toWellFormed(),
    description: tidy(reader.description).slice(0, 1_000).toWellFormed(),
    text: text.slice(0, maxCharacters).toWellFormed(),
    links: reader.links(),
    tables: reader.tables.all,
    isCut:
      whole.length < html.length ||
      text.length > maxCharacters ||
      reader.hasMoreLinks ||
      reader.tables.hasMore,
  };
}

function firstTags(html: string): string {
  let at = -1;
  for (let tags = 0; tags <= maxTags; tags += 1) {
    at = html.indexOf('<', at + 1);
    if (at === -1) return html;
  }
  return html.slice(0, at);
}

/** Enters and leaves every node that a person could see, in the order of the page. */
function walk(root: PageNode, reader: Reader): void {
  const ways: { readonly node: PageNode; readonly isEnd: boolean }[] = [
    { node: root, isEnd: false },
  ];
  for (let way = ways.pop(); way; way = ways.pop()) {
    const { node, isEnd } = way;
    if (isEnd) {
      reader.leave(node);
      continue;
    }
    if (isHidden(node)) continue;
    reader.enter(node);
    ways.push({ node, isEnd: true });
    const children = node.children ?? [];
    for (let index = children.length - 1; index >= 0; index -= 1) {
      ways.push({ node: children[index] as PageNode, isEnd: false });
    }
  }
}

function isHidden({ name, attribs = {} }: PageNode): boolean {
  if (name !== undefined && unread.has(name)) return true;
  return (
    'hidden' in attribs ||
    attribs['aria-hidden'] === 'true' ||
    /display\s*:\s*none|visibility\s*:\s*hidden|(font-size|opacity)\s*:\s*0(?![.\d]*[1-9])/i.test(
      attribs.style ?? '',
    )
  );
}

/** Gathers text, links and tables on the way through a page. */
class Reader {
  readonly tables = new PageTables();
  title = '';
  description = '';
  hasMoreLinks = false;
  readonly #base: string;
  readonly #all: string[] = [];
  readonly #main: string[] = [];
  readonly #links = new Map<string, string[]>();
  #mains = 0;
  #arounds = 0;
  #link: string[] | null = null;
  #isTitle = false;

  constructor(base: string) {
    this.#base = base;
  }

  enter({ type, name = '', data = '', attribs = {} }: PageNode): void {
    if (type === 'text') this.#say(data);
    if (name === 'title') this.#isTitle = true;
    if (name === 'meta' && attribs.name?.toLowerCase() === 'description') {
      this.description ||= attribs.content ?? '';
    }
    if (blocks.has(name)) this.#say('\n');
    if (name === 'main' || name === 'article') this.#mains += 1;
    if (around.has(name)) this.#arounds += 1;
    if (name === 'a') this.#link = this.#linkTo(attribs.href);
    this.tables.enter(name);
  }

  leave({ name = '' }: PageNode): void {
    this.tables.leave(name);
    if (name === 'title') this.#isTitle = false;
    if (name === 'a') this.#link = null;
    if (around.has(name)) this.#arounds -= 1;
    if (name === 'main' || name === 'article') this.#mains -= 1;
    if (blocks.has(name)) this.#say('\n');
  }

  /** The main part where there is one, else all but what stands around. */
  text(): string {
    const main = tidyLines(this.#main.join(''));
    return main.length >= leastMain ? main : tidyLines(this.#all.join(''));
  }

  links(): { text: string; url: string }[] {
    return [...this.#links].map(([url, said]) => ({
      url,
      text: tidy(said.join('')).slice(0, 200).toWellFormed(),
    }));
  }

  #say(said: string): void {
    if (this.#isTitle) {
      this.title += said;
      return;
    }
    this.#link?.push(said);
    this.tables.say(said);
    if (this.#arounds > 0) return;
    const text = said === '\n' ? said : said.replace(/\s+/g, ' ');
    this.#all.push(text);
    if (this.#mains > 0) this.#main.push(text);
  }

  #linkTo(href = ''): string[] | null {
    if (!URL.canParse(href, this.#base)) return null;
    const url = new URL(href, this.#base);
    if (!/^https?:$/.test(url.protocol) || url.href.length > 2_000 || this.#links.has(url.href)) {
      return null;
    }
    if (this.#links.size === maxLinks) {
      this.hasMoreLinks = true;
      return null;
    }
    const said: string[] = [];
    this.#links.set(url.href, said);
    return said;
  }
}

function tidy(text: string): string {
  return visible(text).replace(/\s+/g, ' ').trim();
}

function tidyLines(text: string): string {
  return visible(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}
