import assert from 'node:assert/strict';
import fc from 'fast-check';
import { recover } from '../../../core/engine/adoption/recover.ts';
import type { Agents } from '../../../core/engine/graph/compile.ts';
import { compile } from '../../../core/engine/graph/compile.ts';
import type { Graph } from '../../../core/engine/graph/compiled.ts';
import { sourcesIn } from '../../../core/engine/graph/sources.ts';
import type { RunFacts } from '../../../core/engine/run/facts.ts';
import { labelOf, trustOf } from '../../../core/engine/run/labels.ts';
import type { Next } from '../../../core/engine/run/next.ts';
import { Run } from '../../../core/engine/run/run.ts';
import { pathOf, type Step } from '../../../core/engine/run/step.ts';
import type { HistoryEntry } from '../../../core/engine/store/store.ts';
import { joinOf, type Trust } from '../../../core/guard/labels.ts';
import type { ItemNode, Node, Template, WorkflowData } from '../../../core/sdk/node.ts';
import { verifies } from '../../support/verifies.ts';

const words = ['system', 'operator', 'erp', 'external'] as const;

const agents = new (class extends Map {
  override get(name: string) {
    return { name, module: 'm', agent: {} };
  }
})() as unknown as Agents;

const facts: RunFacts = {
  ...{ tenantId: 1, id: '0', workflow: 'w', company: null, businessDate: '2026-06-30' },
  input: { list: [{ k: 'a' }, { k: 'b' }, { k: 'c' }], one: 1 },
  ...{ timeZone: 'UTC', priority: 5, attended: false, rehearsal: false, createdAt: 0, journal: 1 },
  actor: { kind: 'person', id: 'p' },
};

/** What each step's own agent reads, by the step's path. */
type Reads = (path: string) => Trust;

/** Runs a graph to its end, every step a success; returns it with the entries that a new owner would find. */
function runThrough(graph: Graph, of: RunFacts, reads: Reads) {
  const run = new Run(of, graph);
  const history: HistoryEntry[] = [];
  const note = (step: Step, kind: string, body: unknown): void => {
    history.push({
      seq: history.length + 1,
      step: step.id,
      kind,
      data: {},
      body: JSON.stringify(body),
    });
  };
  const left: Next[] = [...run.start(0)];
  for (let next = left.shift(); next; next = left.shift()) {
    if (next.kind === 'expand') {
      const { container } = next;
      const { items } = container.node;
      const values = items.kind === 'value' ? (items.value(run.scope()) as unknown[]) : [];
      note(container.step, 'foreach.expanded', values);
      left.push(...run.expand(container, values, 0));
    } else if (next.kind === 'ready') {
      const { step } = next;
      const trust = joinOf([trustOf(run, step.place.sources, step.item), reads(pathOf(step))]);
      const output = { k: step.itemKey || step.node };
      run.begin(step, 0);
      note(step, 'step.succeeded', output);
      left.push(
        ...run.settle(step, { kind: 'succeeded', output, json: JSON.stringify(output), trust }, 0),
      );
    }
  }
  return { run, history };
}

/** The labels by definition, from the text of the workflow alone: what a node mentions, and what its own agent reads. */
function oracle(nodes: readonly Node[], given: Trust, reads: Reads): ReadonlyMap<string, Trust> {
  const labels = new Map<string, Trust>();
  const worst = (some: readonly Trust[]): Trust =>
    words[Math.max(0, ...some.map((each) => words.indexOf(each)))] as Trust;
  const read = (
    text: string,
    at: { readonly item?: Trust; readonly path: (id: string) => string },
  ): Trust[] => [
    ...(/\binput\b/.test(text) ? [given] : []),
    ...(at.item && /\bitem\b/.test(text) ? [at.item] : []),
    ...[...text.matchAll(/nodes\.(\w+)/g)].map(([, id]) => labels.get(id as string) as Trust),
    ...[...text.matchAll(/each\.(\w+)/g)].map(
      ([, id]) => labels.get(at.path(id as string)) as Trust,
    ),
  ];
  const ofItems = (list: string, index: number): Trust => {
    const source = nodes.find(({ id }) => list === `nodes.${id}.output`);
    if (source?.kind !== 'foreach') return worst(read(list, { path: () => '' }));
    return labels.get(`${source.id}/${source.outputs[0]}[${'abc'[index]}]`) as Trust;
  };
  for (const node of nodes) {
    if (node.kind === 'foreach') {
      const outputs: Trust[] = [];
      for (const [index, key] of [...'abc'].entries()) {
        const item = ofItems((node.items as { cel: string }).cel, index);
        const path = (id: string) => `${node.id}/${id}[${key}]`;
        for (const each of node.body as (ItemNode & { kind: 'task' })[])
          labels.set(
            path(each.id),
            worst([...read(JSON.stringify(each.input), { item, path }), reads(path(each.id))]),
          );
        outputs.push(...node.outputs.map((id) => labels.get(path(id)) as Trust));
      }
      labels.set(node.id, worst(outputs));
      continue;
    }
    const text = JSON.stringify(
      [
        'input' in node ? node.input : null,
        'value' in node ? node.value : null,
        'cases' in node ? node.cases : null,
      ].filter((each) => each !== null),
    );
    const gathered = 'from' in node ? node.from.map((id) => labels.get(id) as Trust) : [];
    const own = node.kind === 'task' || node.kind === 'reduce' ? [reads(node.id)] : [];
    const mentioned = read(text.replaceAll('"input"', ''), { path: () => '' });
    labels.set(node.id, worst([...mentioned, ...gathered, ...own]));
  }
  return labels;
}

const base = { join: 'all_succeeded', priority: null, critical: null } as const;
const cel = (text: string): Template => ({ cel: text });

/** A graph whose nodes read some of those before them, and wait for others without reading them. */
const anyNodes = fc
  .array(
    fc.record({
      kind: fc.constantFrom('task', 'compute', 'reduce', 'switch', 'foreach', 'foreach'),
      reads: fc.array(fc.nat(9), { maxLength: 2 }),
      waits: fc.array(fc.nat(9), { maxLength: 2 }),
      input: fc.boolean(),
      list: fc.nat(9),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((drafts) => {
    const nodes: Node[] = [];
    for (const [index, draft] of drafts.entries()) {
      const earlier = (picks: readonly number[]) =>
        index === 0 ? [] : picks.map((pick) => `n${pick % index}`);
      const read = [...new Set(earlier(draft.reads))];
      const foreach = nodes.filter(({ kind }) => kind === 'foreach')[draft.list];
      const list = draft.kind === 'foreach' && foreach ? [foreach.id] : [];
      const after = [...new Set([...read, ...earlier(draft.waits), ...list])];
      const mentions = [
        ...read.map((id) => cel(`nodes.${id}.output`)),
        ...(draft.input ? [cel('input.one')] : []),
      ];
      const common = { id: `n${index}`, after, ...base };
      nodes.push(nodeOf(draft.kind, { common, read, mentions, list: list[0] }));
    }
    return nodes;
  });

function nodeOf(
  kind: string,
  {
    common,
    read,
    mentions,
    list,
  }: {
    readonly common: { readonly id: string; readonly after: readonly string[] } & typeof base;
    readonly read: readonly string[];
    readonly mentions: readonly Template[];
    readonly list: string | undefined;
  },
): Node {
  switch (kind) {
    case 'compute':
      return { kind, ...common, from: [], value: mentions };
    case 'reduce':
      return { kind, ...common, from: read, agent: 'm.a' };
    case 'switch': {
      const when = { cel: read.map((id) => `nodes.${id}.output != 7`).join(' && ') || 'true' };
      return { kind, ...common, cases: [{ id: 'yes', when }], otherwise: 'no' };
    }
    case 'foreach': {
      const first = {
        kind: 'task',
        id: 'first',
        after: [],
        ...base,
        agent: 'm.a',
        input: [cel('item.k'), ...mentions],
      } as const;
      const second = {
        kind: 'task',
        id: 'second',
        after: ['first'],
        ...base,
        agent: 'm.a',
        input: cel('each.first.output'),
      } as const;
      return {
        kind,
        ...common,
        items: { cel: list ? `nodes.${list}.output` : 'input.list' },
        key: { cel: 'item.k' },
        body: [first, second],
        outputs: ['second'],
        concurrency: null,
        onItemFailure: 'continue',
      };
    }
    default:
      return { kind: 'task', ...common, agent: 'm.a', input: mentions };
  }
}

function workflowOf(nodes: readonly Node[]): WorkflowData {
  return {
    name: 'w',
    deadline: null,
    budgetMicroUsd: null,
    partial: false,
    concurrency: null,
    nodes,
  };
}

describe('labels of a run', () => {
  const anyReads = fc.array(fc.constantFrom(...words), { minLength: 7, maxLength: 7 });
  const readsOf =
    (some: readonly Trust[]): Reads =>
    (path) =>
      some[[...path].reduce((sum, char) => sum + char.charCodeAt(0), 0) % some.length] as Trust;

  it('are the least trusted of all that a step depends on by data, in any graph, also for whoever takes it over', () => {
    verifies('R12.untrusted-text');
    fc.assert(
      fc.property(anyNodes, anyReads, fc.constantFrom(...words), (nodes, some, given) => {
        const graph = compile(workflowOf(nodes), agents);
        const of = { ...facts, trust: given };
        const expected = oracle(nodes, given, readsOf(some));

        const { run, history } = runThrough(graph, of, readsOf(some));

        const labels = (each: Run) =>
          Object.fromEntries(each.steps.map((step) => [pathOf(step), step.trust]));
        assert.deepEqual(
          labels(run),
          Object.fromEntries(run.steps.map((step) => [pathOf(step), expected.get(pathOf(step))])),
        );
        const again = new Run(of, graph);
        const trust = new Map(run.steps.map(({ id, trust: label }) => [id, label]));
        recover(
          again,
          { history, ended: new Set(trust.keys()), open: [], trust, spentMicroUsd: 0 },
          0,
        );
        assert.deepEqual(labels(again), labels(run));
      }),
      { numRuns: 300 },
    );
  });

  it('name where text from outside has come in', () => {
    const nodes = [
      nodeOf('task', {
        common: { id: 'n0', after: [], ...base },
        read: [],
        mentions: [],
        list: undefined,
      }),
      nodeOf('task', {
        common: { id: 'n1', after: ['n0'], ...base },
        read: ['n0'],
        mentions: [cel('nodes.n0.output'), cel('input.one')],
        list: undefined,
      }),
    ];
    const graph = compile(workflowOf(nodes), agents);

    const { run } = runThrough(graph, facts, (path) => (path === 'n0' ? 'external' : 'system'));

    const [, second] = run.steps;
    assert.ok(second);
    assert.deepEqual(labelOf(run, second).external, ['nodes.n0']);
  });

  it('are looked for at the nodes that a step names, and at no others', () => {
    const plain = (id: string, input: Template): Node => ({
      kind: 'task',
      id,
      after: [],
      ...base,
      agent: 'm.a',
      input,
    });
    const ids = Array.from({ length: 30 }, (_, index) => `n${index}`);
    const named = cel('nodes.n7.output');
    const graph = compile(
      workflowOf([...ids.map((id) => plain(id, 1)), plain('last', named)]),
      agents,
    );
    const { run } = runThrough(graph, facts, () => 'external');
    const looked = new Set<string>();
    const steps = new Proxy(run.steps, {
      get: (target, key) => {
        if (/^\d+$/.test(String(key))) looked.add(String(key));
        return Reflect.get(target, key) as unknown;
      },
    });

    const trust = trustOf({ facts, graph, steps }, sourcesIn([named]), null);

    assert.equal(trust, 'external');
    assert.deepEqual([...looked], ['7']);
  });

  it('are not passed on by what only decides whether a step starts', () => {
    const nodes = [
      nodeOf('task', {
        common: { id: 'n0', after: [], ...base },
        read: [],
        mentions: [],
        list: undefined,
      }),
      {
        kind: 'task',
        id: 'n1',
        after: ['n0'],
        ...base,
        agent: 'm.a',
        input: 1,
        when: { cel: 'nodes.n0.output.k == "n0"' },
      } as const,
    ];

    const { run } = runThrough(compile(workflowOf(nodes), agents), facts, (path) =>
      path === 'n0' ? 'external' : 'erp',
    );

    assert.deepEqual(
      run.steps.map(({ trust }) => trust),
      ['external', 'erp'],
    );
  });
});
