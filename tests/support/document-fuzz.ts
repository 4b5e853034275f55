// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so documents write expressions
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { checkWorkflow } from '../../core/engine/graph/check.ts';
import { compile } from '../../core/engine/graph/compile.ts';
import { readDocument } from '../../core/sdk/document/document.ts';
import type { WorkflowData } from '../../core/sdk/node.ts';
import type { Registry } from '../../core/sdk/registry.ts';

/** What became of a document. */
export interface Fate {
  readonly kind: 'refused' | 'accepted';
  /** The data of an accepted one. */
  readonly data: WorkflowData | null;
  /** Time of this thread, not of the clock, in milliseconds. */
  readonly cpuMs: number;
}

/** Reads, checks and compiles a document, as a workflow goes before it is published. Throws only what is a bug. */
export function judge(text: string, registry: Registry): Fate {
  const before = process.threadCpuUsage();
  const data = accepted(text, registry);
  const { user, system } = process.threadCpuUsage(before);
  return { kind: data ? 'accepted' : 'refused', data, cpuMs: (user + system) / 1_000 };
}

function accepted(text: string, registry: Registry): WorkflowData | null {
  const { data, faults, locate } = readDocument(text, { file: 'fuzz' });
  if ((data === null) !== faults.length > 0) throw new Error('Neither data nor faults, or both.');
  if (!data) return null;
  const found = checkWorkflow(data, registry);
  for (const { node, path } of found) locate(node, path);
  if (found.some(({ severity }) => severity === 'error')) return null;
  compile(data, registry.agents);
  return data;
}

/** Nearly always what can be right, now and then what cannot. */
function mostly<T, W>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<W>): fc.Arbitrary<T | W> {
  return fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: wrong });
}

const id = mostly(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
  fc.string({ maxLength: 5 }),
);
const after = mostly(
  fc.oneof(fc.constant([]), fc.constant([]), id, fc.array(id, { maxLength: 2 })),
  fc.constantFrom(['a.high'], ['b.low'], 'zz', 'a.zz'),
);
const cel = mostly(
  fc.constantFrom(
    ...['true', 'input.n > 1', 'run.today == "2026-01-31"', '"nodes.zz.output" == "a"'],
    ...['[1, 2].exists(x, x > 1)', 'nodes.a.output == null', 'nodes["b"].output != null'],
  ),
  fc.oneof(
    fc.constantFrom('each.a.output', 'nodes.zz.output', '1 +', 'item.id', 'size(items) > 0'),
    fc.string({ maxLength: 12 }),
  ),
);
const template = mostly(
  fc.oneof(
    fc.constantFrom(
      '${ input.n }',
      'n is ${ input.n }',
      { of: ['${ nodes.a.output }'] },
      1,
      'text',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  ),
  cel.map((text) => `a \${${text}} b`),
);
const agent = mostly(
  fc.constantFrom('finance.subledger_reconciliation', 'inventory.valuation_reconciliation'),
  fc.constantFrom('compliance.night_summary', 'finance.nobody'),
);
const duration = mostly(fc.constantFrom('PT1H', 'P1D'), fc.constantFrom('P1Y', '1h'));
const ofCompany = mostly(fc.constant({ company: '${ run.company }' }), template);
const members = {
  after,
  join: mostly(fc.constantFrom('all_succeeded', 'all_done', 'any'), fc.constant('some')),
  when: cel,
  agent,
  input: ofCompany,
  tool: mostly(
    fc.constantFrom('inventory.stock.value', 'finance.ledger_balance.get'),
    fc.constant('x.y.z'),
  ),
  args: ofCompany,
  items: mostly(
    fc.constantFrom<object[]>(
      { entity: 'company' },
      { entity: 'company', order: 'code' },
      { entity: 'company', order: [{ field: 'code', descending: true }, 'name'] },
      { entity: 'company', filter: { currency: 'EUR', code: '${ run.company }' } },
    ),
    fc.oneof(cel, fc.constantFrom({ entity: 'nothing' }, { entity: 'company', filter: { x: 1 } })),
  ),
  key: mostly(fc.constantFrom('item.code', 'item.id'), cel),
  from: mostly(id, after),
  value: template,
  cases: mostly(
    fc.constant([
      { id: 'high', when: 'input.n > 2' },
      { id: 'low', when: 'input.n > 1' },
    ]),
    fc.constant([]),
  ),
  otherwise: mostly(fc.constant('other'), fc.constant('low')),
  title: mostly(fc.constantFrom('Go on?', 'Go on with ${ run.company }?'), fc.constant('')),
  by: mostly(fc.constantFrom('cfo', ['cfo', 'controller']), fc.constant([])),
  show: template,
  required: mostly(fc.constantFrom(1, 2), fc.constantFrom(0, 1.5, 9)),
  expires: mostly(fc.constantFrom('P2D', 'PT12H'), duration),
  escalate: mostly(
    fc.constantFrom({ after: 'PT1H', to: 'cfo' }, { after: 'PT4H', to: ['cfo', 'controller'] }),
    fc.constantFrom({ after: 'P9D', to: 'cfo' }, { after: 'PT1H', to: [] }, { after: 'PT1H' }),
  ),
  onRefusal: mostly(fc.constantFrom('fail', 'skip'), fc.constant('retry')),
  for: fc.oneof(
    fc.record({ kind: fc.constant('duration'), duration }),
    fc.record({ kind: fc.constant('moment'), at: mostly(fc.constant('run.today'), cel) }),
    fc.record(
      {
        kind: fc.constant('calendar'),
        moment: mostly(fc.constantFrom('BD+1', 'PERIOD_CLOSE-2BD'), fc.string()),
        time: mostly(fc.constant('08:00'), fc.constant('25:00')),
        company: mostly(fc.constantFrom('MCG-DE', '${ run.company }'), template),
      },
      { requiredKeys: ['kind', 'moment'] },
    ),
    fc.record(
      {
        kind: fc.constant('event'),
        entity: mostly(fc.constant('bill'), fc.constant('nothing')),
        match: mostly(fc.constant('event.record.company == run.company'), cel),
        timeout: duration,
      },
      { requiredKeys: ['kind', 'entity'] },
    ),
  ),
  workflow: mostly(fc.constant('basic'), fc.constant('nobody')),
  timeout: duration,
  budgetUsd: mostly(fc.constantFrom('0.5', 1), fc.double()),
  retry: mostly(
    fc.constantFrom({ attempts: 2, backoff: 'fixed', baseMs: 100 }, { attempts: 3 }),
    fc.constantFrom({ attempts: 0 }, { tries: 3 }),
  ),
  priority: mostly(fc.constantFrom(1, 10), fc.constantFrom(0, 11)),
  critical: mostly(fc.boolean(), fc.constant('yes')),
  server: mostly(fc.constantFrom('fs_reports', 'docs-2.1'), fc.constantFrom('', 'a b', 1)),
  batch: mostly(
    fc.record(
      { by: cel, most: mostly(fc.integer({ min: 1, max: 9 }), fc.constant(0)) },
      { requiredKeys: ['most'] },
    ),
    fc.constant({ by: 'item' }),
  ),
  concurrency: mostly(fc.constantFrom(1, 8), fc.constantFrom(0, -1, 1.5)),
  onItemFailure: mostly(fc.constantFrom('continue', 'stop'), fc.constant('skip')),
  outputs: mostly(id, fc.constantFrom(['a', 'b'], 'zz', [])),
};
type Member = keyof typeof members;

/** What nodes of a kind have to have, and may have. */
const forms: Readonly<
  Record<string, readonly [needed: readonly Member[], more: readonly Member[]]>
> = {
  task: [
    ['agent', 'input'],
    ['timeout', 'budgetUsd', 'retry', 'priority', 'critical', 'server'],
  ],
  tool: [
    ['tool', 'args'],
    ['timeout', 'retry', 'priority', 'critical', 'server'],
  ],
  compute: [['value'], ['from']],
  gate: [['when'], []],
  switch: [['cases'], ['otherwise']],
  approval: [
    ['title', 'by'],
    ['show', 'required', 'expires', 'escalate', 'onRefusal'],
  ],
  wait: [['for'], []],
  workflow: [['workflow', 'input'], ['critical']],
  reduce: [
    ['from', 'agent'],
    ['timeout', 'budgetUsd', 'retry', 'priority', 'critical', 'server'],
  ],
  foreach: [
    ['items', 'key'],
    ['concurrency', 'onItemFailure'],
  ],
};

function nodeOf(kind: string, more: Readonly<Record<string, fc.Arbitrary<unknown>>> = {}) {
  const [needed, possible] = forms[kind] as (typeof forms)[string];
  const pick = (names: readonly Member[]) => names.map((name) => [name, members[name]] as const);
  const shape = {
    kind: fc.constant(kind),
    id,
    ...Object.fromEntries(pick([...needed, ...possible, 'after', 'join', 'when'])),
    ...more,
  };
  const requiredKeys = ['kind', 'id', ...needed, ...Object.keys(more)];
  return fc.record(shape as Record<string, fc.Arbitrary<unknown>>, { requiredKeys });
}

const inner = Object.keys(forms).filter((kind) => !['foreach', 'reduce'].includes(kind));
const itemGraph = fc.array(fc.oneof(...inner.map((kind) => nodeOf(kind))), {
  minLength: 1,
  maxLength: 3,
});
const node = fc.oneof(
  ...[...inner, 'reduce'].map((kind) => nodeOf(kind)),
  nodeOf('foreach', { each: itemGraph }),
  nodeOf('foreach', { each: itemGraph, outputs: members.outputs }),
  nodeOf('foreach', { agent, input: ofCompany, server: members.server }),
  nodeOf('foreach', { agent, input: ofCompany, batch: members.batch }),
  nodeOf('foreach', { tool: members.tool, args: ofCompany, priority: members.priority }),
);

/** Documents of the form, or nearly: nodes of few ids that wait for each other at random. */
export const randomDocument: fc.Arbitrary<string> = fc
  .record(
    {
      name: mostly(fc.constant('lab'), fc.constant('Lab')),
      nodes: fc.array(node, { minLength: 1, maxLength: 5 }),
      input: mostly(
        fc.constant({ n: { type: 'integer', default: 1 } }),
        fc.constantFrom({ n: 1 }, { type: 'object' }),
      ),
      output: template,
      deadline: duration,
      description: mostly(fc.constant('What it is for.'), fc.constant('')),
      goal: mostly(fc.constant('Find what is paid twice.'), fc.constantFrom('', 'x'.repeat(501))),
      budgetUsd: members.budgetUsd,
      partial: mostly(fc.boolean(), fc.constant('no')),
      concurrency: members.concurrency,
      onFailure: mostly(fc.constant('undo'), fc.constant('stop')),
    },
    { requiredKeys: ['name', 'nodes', 'input'] },
  )
  .chain((document) => fc.boolean().map((isYaml) => written(document, isYaml)));

function written(document: unknown, isYaml: boolean): string {
  return isYaml ? stringify(document) : (JSON.stringify(document) ?? '');
}

const nasty = [
  ...[
    '\t',
    '\n',
    ' ',
    ':',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '!x ',
    '|',
    '>',
    '?',
    '#',
  ],
  ...[
    '${',
    '$${',
    '\0',
    '\ud800',
    '%',
    '---\n',
    '<<',
    'nodes.',
    '\u2028',
    '9'.repeat(20),
    '__proto__',
  ],
] as const;

/** An example with some of its characters gone, doubled, moved or replaced. */
export function mangled(texts: readonly string[]): fc.Arbitrary<string> {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const edit = fc.tuple(place, place, fc.nat({ max: 3 }), fc.constantFrom(...nasty));
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 6 }))
    .map(([text, edits]) =>
      edits.reduce((now, [from, to, kind, piece]) => {
        const at = Math.floor(from * now.length);
        const end = at + Math.floor(to * 20);
        const cut = now.slice(at, end);
        const instead = [piece, '', cut + cut, cut.toUpperCase() + piece][kind] as string;
        return now.slice(0, at) + instead + now.slice(end);
      }, text),
    );
}

/** An example with some of its values gone, doubled, swapped, renamed or replaced. */
export function grafted(texts: readonly string[]): fc.Arbitrary<string> {
  const edit = fc.tuple(fc.nat(), fc.nat(), fc.nat({ max: 5 }), fc.jsonValue({ maxDepth: 2 }));
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([text, edits, isYaml]) => {
      const document: unknown = parse(text);
      for (const each of edits) graft(document, each);
      return written(document, isYaml);
    });
}

interface Spot {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string;
}

function spotsOf(value: unknown): readonly Spot[] {
  if (value === null || typeof value !== 'object') return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...spotsOf(holder[key])]);
}

type Edit = readonly [at: number, other: number, kind: number, value: unknown];

function graft(document: unknown, [at, other, kind, value]: Edit): void {
  const spots = spotsOf(document);
  const spot = spots[at % spots.length];
  const second = spots[other % spots.length];
  if (!spot || !second) return;
  const holder = spot.holder as Record<string, unknown>;
  const copy = structuredClone((second.holder as Record<string, unknown>)[second.key]);
  if (kind === 0) holder[spot.key] = value;
  else if (kind === 1) holder[spot.key] = copy;
  else if (kind === 2 && Array.isArray(spot.holder))
    spot.holder.push(structuredClone(holder[spot.key]));
  else if (kind === 3 && Array.isArray(spot.holder)) spot.holder.splice(Number(spot.key), 1);
  else if (kind === 4 && !Array.isArray(spot.holder)) holder[`${spot.key}x`] = copy;
  else if (!Array.isArray(spot.holder)) delete spot.holder[spot.key];
}
