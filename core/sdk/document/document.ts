import type { z } from 'zod';
import type { WorkflowData } from '../node.ts';
import { dataOf } from './document-data.ts';
import { documentSchema } from './document-schema.ts';
import { type Path, type Position, readSource, type Source } from './document-source.ts';

/** What is wrong at one place of a document. */
export interface DocumentFault extends Position {
  readonly file: string;
  /** Id of the node, `foreach.node` inside of an item's graph, null outside of nodes. */
  readonly node: string | null;
  /** From the top of the document: `nodes[2].input.bill`. */
  readonly path: string;
  /** What is wrong, and what to do; a sentence. */
  readonly message: string;
}

/** A document as read. */
export interface DocumentRead {
  /** Null when there are faults. */
  readonly data: WorkflowData | null;
  /** In the order of the document; at most about a hundred. */
  readonly faults: readonly DocumentFault[];
  /** Where a node's member stands, `path` being that of the data: `input.bill`. The nearest that is there when it is not. */
  locate(node: string | null, path: string): Position & { readonly path: string };
}

const maxFaults = 100;

/**
 * Reads a workflow from YAML 1.2 or JSON. Whatever is wrong with the text, its form or its shorthands is told as faults, several at
 * once; what only the loaded modules can tell is not looked at. Never throws.
 */
export function readDocument(text: string, { file }: { readonly file: string }): DocumentRead {
  const source = readSource(text);
  const locate = locatorOf(source);
  if (source.faults.length > 0) {
    const faults = source.faults.map(({ line, column, path, message }) => {
      return { file, line, column, node: null, path: pathText(path), message };
    });
    return { data: null, faults, locate };
  }
  const faults: DocumentFault[] = [];
  const note = (path: Path, message: string, of: 'value' | 'key' = 'value'): void => {
    if (faults.length >= maxFaults) return;
    const what = path.length === 0 ? 'The document' : `'${pathText(path)}'`;
    faults.push({
      file,
      ...source.position(path, of),
      node: nodeAt(source.value, path),
      path: pathText(path),
      message: `${what} ${message}${message.endsWith('?') ? '' : '.'}`,
    });
  };
  const parsed = documentSchema.safeParse(source.value);
  if (!parsed.success)
    for (const issue of parsed.error.issues.slice(0, maxFaults)) tell(issue, [], note);
  const data = parsed.success ? dataOf(parsed.data, note) : null;
  faults.sort((a, b) => a.line - b.line || a.column - b.column);
  return { data: faults.length === 0 ? data : null, faults, locate };
}

type Tell = (path: Path, message: string, of?: 'value' | 'key') => void;

/** Notes an issue of zod: of names each by itself, of alternatives the one that was meant. */
function tell(issue: z.core.$ZodIssue, above: Path, note: Tell): void {
  const path = [...above, ...(issue.path as Path)];
  if (issue.code === 'unrecognized_keys') {
    for (const [index, message] of issue.message.split('\n').entries())
      note([...path, String(issue.keys[index])], message, 'key');
    return;
  }
  const meant =
    issue.code === 'invalid_union'
      ? issue.errors.filter((each) => each.every((one) => one.path.length > 0 || isName(one)))
      : [];
  if (meant.length === 1) for (const one of meant[0] ?? []) tell(one, path, note);
  else note(path, messageOf(issue));
}

function isName({ code }: z.core.$ZodIssue): boolean {
  return code === 'unrecognized_keys';
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (
    issue.code === 'invalid_type' &&
    issue.input === undefined &&
    /undefined$/.test(issue.message)
  )
    return 'is missing';
  const { message } = issue;
  if (!/^[A-Z]/.test(message)) return message;
  return `is not right: ${message.replace(/^Invalid input: /, '')}`;
}

/** The id of the node that a path leads into. */
function nodeAt(value: unknown, path: Path): string | null {
  if (path[0] !== 'nodes' || path.length < 2) return null;
  const outer = idAt(value, path.slice(0, 2));
  if (outer === null || path[2] !== 'each' || path.length < 4) return outer;
  const inner = idAt(value, path.slice(0, 4));
  return inner === null ? outer : `${outer}.${inner}`;
}

function idAt(value: unknown, path: Path): string | null {
  const { id } = Object(valueAt(value, path)) as { readonly id?: unknown };
  return typeof id === 'string' ? id.slice(0, 64) : null;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((at, segment) => (Object(at) as Record<string, unknown>)[segment], value);
}

function pathText(path: Path): string {
  return path
    .map((each) => (typeof each === 'number' ? `[${each}]` : `.${each.slice(0, 64)}`))
    .join('')
    .replace(/^\./, '');
}

function locatorOf(source: Source): DocumentRead['locate'] {
  return (node, path) => {
    const place: (string | number)[] = [];
    const enter = (segment: string): boolean => {
      const step = stepTo(valueAt(source.value, place), segment);
      if (step !== null) place.push(step);
      return step !== null;
    };
    const [outer, inner] = node?.split('.') ?? [];
    if (outer !== undefined && enter('nodes') && enter(outer) && inner !== undefined)
      if (enter('each')) enter(inner);
    for (const segment of path.match(/[^.[\]]+/g) ?? []) if (!enter(segment)) break;
    return { ...source.position(place), path: pathText(place) };
  };
}

/** The name or index of a member: in a list also by the id of an element. */
function stepTo(value: unknown, segment: string): string | number | null {
  if (!Array.isArray(value)) return Object.hasOwn(Object(value), segment) ? segment : null;
  if (/^\d+$/.test(segment)) return Number(segment) < value.length ? Number(segment) : null;
  const index = value.findIndex(
    (each) => (Object(each) as { readonly id?: unknown }).id === segment,
  );
  return index < 0 ? null : index;
}
