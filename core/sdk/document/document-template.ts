// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so documents write expressions

import type { Cel, Template } from '../node.ts';
import type { Path } from './document-source.ts';

/** Told of what is wrong at a place of a document. */
export type Note = (path: Path, message: string) => void;

/** A piece of text: as it is, or an expression. */
type Piece = { readonly text: string } | Cel;

/**
 * JSON in which texts hold expressions: a text that is `${ … }` and nothing else is that expression, one that holds some makes a
 * text, `$${` is `${` itself. `{ cel: '…' }` is an expression, too.
 */
export function readTemplate(value: unknown, path: Path, note: Note): Template {
  if (typeof value === 'string') return readText(value, path, note);
  if (Array.isArray(value)) return value.map((each, at) => readTemplate(each, [...path, at], note));
  if (value === null || typeof value !== 'object') return (value ?? null) as Template;
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === 'cel' && typeof only[1] === 'string')
    return { cel: only[1] };
  return Object.fromEntries(
    entries.map(([name, each]) => [name, readTemplate(each, [...path, name], note)]),
  );
}

/** A text that may hold expressions. */
export function readText(text: string, path: Path, note: Note): Cel | string {
  const pieces = piecesOf(text);
  if (pieces === null) {
    note(path, "has '${' without its '}'; close it, or write '$${' for the text itself");
    return text;
  }
  if (pieces.some((each) => 'cel' in each && each.cel === '')) {
    note(path, "has '${ }' without an expression");
    return text;
  }
  const [first] = pieces;
  if (pieces.length === 1 && first && 'cel' in first) return first;
  if (pieces.every((each) => 'text' in each)) return pieces.map((each) => each.text).join('');
  return {
    cel: pieces
      .map((each) => ('cel' in each ? `string(${each.cel})` : JSON.stringify(each.text)))
      .join(' + '),
  };
}

/** An expression where nothing else can stand: bare text, `{ cel }`, or in `${ … }` as elsewhere. */
export function readCel(value: string | Cel): Cel {
  const text = typeof value === 'string' ? value : value.cel;
  const pieces = text.startsWith('${') ? piecesOf(text) : null;
  const [only] = pieces ?? [];
  return pieces?.length === 1 && only && 'cel' in only && only.cel !== '' ? only : { cel: text };
}

const opening = /\$\$\{|\$\{/g;

/** Null when an expression does not end. */
function piecesOf(text: string): readonly Piece[] | null {
  const pieces: Piece[] = [];
  let plain = '';
  let at = 0;
  for (;;) {
    opening.lastIndex = at;
    const found = opening.exec(text);
    plain += text.slice(at, found?.index);
    if (!found) break;
    at = found.index + found[0].length;
    if (found[0] === '$${') {
      plain += '${';
      continue;
    }
    const end = endOf(text, at);
    if (end === null) return null;
    if (plain !== '') pieces.push({ text: plain });
    plain = '';
    pieces.push({ cel: text.slice(at, end).trim() });
    at = end + 1;
  }
  return plain === '' && pieces.length > 0 ? pieces : [...pieces, { text: plain }];
}

/** Where the brace stands that closes the one before `start`; in texts and comments a brace is only a character. */
function endOf(text: string, start: number): number | null {
  let depth = 1;
  for (let at = start; at < text.length; at = Math.max(afterText(text, at), at + 1)) {
    if (text[at] === '{') depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return null;
}

/** Where the text or comment of CEL ends that begins at `at`, `at` itself when none does (cel-spec, language definition, syntax). */
function afterText(cel: string, at: number): number {
  const quote = cel[at] as string;
  if (quote === '/' && cel[at + 1] === '/') {
    const end = cel.indexOf('\n', at);
    return end < 0 ? cel.length : end;
  }
  if (quote !== '"' && quote !== "'") return at;
  const end = cel.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote;
  const isRaw = /(?:^|\W)b?r$/i.test(cel.slice(Math.max(0, at - 3), at));
  for (let next = at + end.length; next < cel.length; next += 1) {
    if (cel.startsWith(end, next)) return next + end.length;
    if (cel[next] === '\\' && !isRaw) next += 1;
  }
  return cel.length;
}

/** Node ids that expressions mention. */
export interface Mentions {
  /** `nodes.<id>` */
  readonly nodes: readonly string[];
  /** `each.<id>` */
  readonly each: readonly string[];
}

const mention = /(?<![\w.])(nodes|each)\s*(?:\.\s*\??\s*(\w+)|\[\s*\??\s*["'](\w+)["']\s*\])/g;

/** Nodes that the expressions of some data mention, in texts not. */
export function mentionsOf(data: unknown): Mentions {
  const found = { nodes: new Set<string>(), each: new Set<string>() };
  const look = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return;
    if ('cel' in value && typeof value.cel === 'string') {
      for (const [, scope, dotted, quoted] of withoutTexts(value.cel).matchAll(mention))
        if (scope) found[scope as keyof Mentions].add((dotted ?? quoted) as string);
    } else for (const each of Object.values(value)) look(each);
  };
  look(data);
  return { nodes: [...found.nodes], each: [...found.each] };
}

/** The mentioned nodes that a node waits for without naming them: who waits for a case of a switch waits for the switch. */
export function impliedBy(
  mentioned: readonly string[],
  named: readonly string[],
): readonly string[] {
  return mentioned.filter((id) => !named.some((other) => other.startsWith(`${id}.`)));
}

/** An expression whose texts and comments are empty, but for texts that are a member's name: `nodes["match"]`. */
function withoutTexts(cel: string): string {
  let bare = '';
  for (let at = 0; at < cel.length; ) {
    const end = afterText(cel, at);
    const text = cel.slice(at, Math.max(end, at + 1));
    const isName =
      /\[\s*\??\s*$/.test(cel.slice(Math.max(0, at - 8), at)) && /^(["'])\w+\1$/.test(text);
    bare += end === at || isName ? text : '""';
    at += text.length;
  }
  return bare;
}
