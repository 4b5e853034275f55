import type { Alias, Document, LineCounter, YAMLMap } from 'yaml';
import { yaml } from './yaml.ts';

/** Where something stands in a text, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Names and indexes from the top of a document. */
export type Path = readonly (string | number)[];

/** What is wrong with a text before anybody looks at what it says. */
export interface SourceFault extends Position {
  readonly path: Path;
  readonly message: string;
}

/** A text as JSON that remembers where everything stood. */
export interface Source {
  /** Undefined when the text has a fault. */
  readonly value: unknown;
  readonly faults: readonly SourceFault[];
  /** Of the value at a path, or of the last thing on the way to it that is there; with `key` of its name. */
  position(path: Path, of?: 'value' | 'key'): Position;
}

/** Characters of a document. */
const maxCharacters = 1_048_576;
/** Words, marks and blanks: 200,000 take about a second, and a workflow of 5,000 nodes has about half as many. */
const maxLexemes = 200_000;
/** Lists and maps within each other. A composer that recurses never sees more. */
const maxDepth = 64;
/** Values, each as often as an alias repeats it: 10 aliases of 10 aliases … are counted, and no more made. */
const maxValues = 100_000;
const maxFaults = 100;

/**
 * Reads YAML 1.2, and JSON with it, as JSON: no tags, no name twice, no number that JSON does not hold. Bounded in size, depth and
 * what aliases repeat; never throws.
 */
export function readSource(text: string): Source {
  const lines = new (yaml().LineCounter)();
  if (text.length > maxCharacters) {
    const message = `The document has ${text.length} characters; at most ${maxCharacters} are read.`;
    return refused({ line: 1, column: 1, path: [], message });
  }
  const document = compose(text, lines);
  if (!('contents' in document)) {
    return refused({ ...positionOf(lines, document.offset), path: [], message: document.message });
  }
  const reading = new Reading(lines);
  for (const { pos, message } of [...document.errors, ...document.warnings])
    reading.noteSyntax(pos[0], message);
  const value = reading.valueOf(document.contents, []);
  return {
    value: reading.faults.length > 0 ? undefined : value,
    faults: reading.faults,
    position: (path, of = 'value') =>
      positionOf(lines, reading.offset(document.contents, path, of)),
  };
}

function refused(fault: SourceFault): Source {
  return { value: undefined, faults: [fault], position: () => fault };
}

function positionOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

interface Refusal {
  readonly offset: number;
  readonly message: string;
}

/** One document; the parser keeps its own stack, whose height is looked at before anything recurses over it. */
function compose(text: string, lines: LineCounter): Document.Parsed | Refusal {
  const { Composer, Lexer, Parser } = yaml();
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    stringKeys: true,
    // Of the library's own look for names that stand twice, each name costs all before it.
    uniqueKeys: false,
    resolveKnownTags: false,
    logLevel: 'error',
  });
  lines.addNewLine(0);
  const documents: unknown[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1;
    if (lexemes > maxLexemes) return { offset: parser.offset, message: tooLong };
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    if (parser.stack.length > maxDepth + 2) return { offset: parser.offset, message: tooDeep };
    if (documents.length > 1) return { offset: parser.offset, message: severalDocuments };
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(true, text.length));
  if (documents.length > 1) return { offset: parser.offset, message: severalDocuments };
  return documents[0] as Document.Parsed;
}

const tooDeep = `Lists and maps stand in each other more than ${maxDepth} deep; make it flatter.`;
const tooLong = `The document has more than ${maxLexemes} words, marks and blanks; divide the workflow.`;
const severalDocuments = 'There is more than one document; write one workflow a file.';

/** The walk from nodes of YAML to JSON. */
class Reading {
  readonly faults: SourceFault[] = [];
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, unknown>();
  readonly #targets = new Map<Alias, unknown>();
  /** What is being read, from the top down: an alias to one of them would never end. */
  readonly #open = new Set<unknown>();
  readonly #badLines = new Set<number>();
  #values = 0;
  #aliases = 0;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  note(offset: number, path: Path, message: string): void {
    if (this.faults.length >= maxFaults) return;
    this.faults.push({ ...positionOf(this.#lines, offset), path, message });
  }

  /** Of what follows from one mistake, the first of its line. */
  noteSyntax(offset: number, message: string): void {
    const { line } = positionOf(this.#lines, offset);
    if (this.#badLines.has(line)) return;
    this.#badLines.add(line);
    this.note(offset, [], `This is no YAML: ${message.replace(/\.$/, '')}.`);
  }

  valueOf(node: unknown, path: Path): unknown {
    this.#values += 1;
    if (this.#values > maxValues) {
      if (this.#values === maxValues + 1)
        this.note(
          offsetOf(node),
          path,
          `There are more than ${maxValues} values, aliases included.`,
        );
      return null;
    }
    const { isAlias, isMap, isScalar, isSeq } = yaml();
    if (isAlias(node)) return this.#aliasOf(node, path);
    if (isScalar(node)) {
      this.#remember(node.anchor, node);
      return this.#scalarOf(node.value, offsetOf(node), path);
    }
    if (!isMap(node) && !isSeq(node)) return null;
    if (path.length > maxDepth) {
      this.note(offsetOf(node), path, tooDeep);
      return null;
    }
    this.#remember(node.anchor, node);
    this.#open.add(node);
    const value = isMap(node)
      ? this.#mapOf(node, path)
      : node.items.map((item, index) => this.valueOf(item, [...path, index]));
    this.#open.delete(node);
    return value;
  }

  /** Where the value or the name at a path begins, or the last that is there on the way. */
  offset(contents: unknown, path: Path, of: 'value' | 'key'): number {
    const { isAlias, isMap, isSeq } = yaml();
    let node = contents;
    let offset = offsetOf(node);
    for (const segment of path) {
      if (isAlias(node)) node = this.#targets.get(node);
      if (isSeq(node)) node = node.items[Number(segment)];
      else if (isMap(node)) {
        const pair = node.items.find(({ key }) => keyOf(key) === String(segment));
        if (!pair) return offset;
        if (of === 'key' && segment === path.at(-1)) return offsetOf(pair.key);
        node = pair.value ?? pair.key;
      } else return offset;
      if (node === undefined) return offset;
      offset = offsetOf(node);
    }
    return offset;
  }

  #remember(anchor: string | undefined, node: unknown): void {
    if (anchor !== undefined && this.#aliases === 0) this.#anchors.set(anchor, node);
  }

  #aliasOf(alias: Alias, path: Path): unknown {
    const target = this.#targets.get(alias) ?? this.#anchors.get(alias.source);
    if (target === undefined || this.#open.has(target)) {
      const what = target === undefined ? 'stands for nothing before it' : 'stands within itself';
      this.note(offsetOf(alias), path, `The alias '*${short(alias.source)}' ${what}.`);
      return null;
    }
    this.#targets.set(alias, target);
    this.#aliases += 1;
    const value = this.valueOf(target, path);
    this.#aliases -= 1;
    return value;
  }

  #mapOf(map: YAMLMap, path: Path): unknown {
    const entries = new Map<string, unknown>();
    for (const { key, value } of map.items) {
      const name = keyOf(key);
      const fault = nameFault(name, entries);
      if (name === undefined) this.noteSyntax(offsetOf(key), 'a name must be text');
      else if (fault) this.note(offsetOf(key), path, fault);
      else entries.set(name as string, this.valueOf(value, [...path, name as string]));
    }
    return Object.fromEntries(entries);
  }

  #scalarOf(value: unknown, offset: number, path: Path): unknown {
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'string') {
      if (!isStorable(value)) this.note(offset, path, notStorable);
      return value;
    }
    const isNumber = typeof value === 'number' && Number.isFinite(value);
    if (isNumber && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
    this.note(
      offset,
      path,
      `${short(String(value))} is no number that is kept exactly; write text.`,
    );
    return null;
  }
}

function nameFault(name: string | undefined, known: ReadonlyMap<string, unknown>): string | null {
  if (name === undefined) return 'A name must be text.';
  if (known.has(name)) return `The name '${short(name)}' stands twice; keep one of them.`;
  if (name === '__proto__') return "The name '__proto__' cannot be used.";
  return isStorable(name) ? null : notStorable;
}

const notStorable = 'The text has a character that no database keeps: NUL, or half of a pair.';

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function keyOf(key: unknown): string | undefined {
  return yaml().isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
}

function offsetOf(node: unknown): number {
  const range = (node as { readonly range?: readonly number[] } | null | undefined)?.range;
  return range?.[0] ?? 0;
}

function short(text: string): string {
  return text.slice(0, 64);
}
