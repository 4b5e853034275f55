import type { ASTNode } from '@marcbachmann/cel-js';
import type { Cel, ForeachNode, ItemNode, Node, Template, WorkflowData } from '../../sdk/node.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { checkNode, type Duty } from './check-node.ts';
import type { Agents } from './compile.ts';
import { connect, type Edges } from './edges.ts';
import { isMemberPath, parseCel } from './expression.ts';
import type { Fault, FaultCode } from './fault.ts';
import { infer } from './infer.ts';
import { noFacts } from './narrow.ts';
import { type Constants, type Place, placesOf } from './reach.ts';
import { hasNames, type ScopeTypes } from './scope.ts';
import { type Known, scopesOf, typed, type WorkflowScopes } from './scopes.ts';
import { structureFaults } from './structure.ts';
import type { Issue, Reference } from './surroundings.ts';
import { type Standing, Trifecta } from './trifecta.ts';
import { dyn, mismatches, type ValueType } from './types.ts';

/**
 * Everything that can be known to be wrong with a workflow before it starts: its structure, the types along its edges, conditions and mappings, nodes
 * that never start, outputs that may not be there or that nobody uses. Errors first come with the nodes, in their order.
 */
export function checkWorkflow(data: WorkflowData, declarations: Known): readonly Fault[] {
  return new WorkflowCheck(data, declarations).run();
}

/** A node's graph: the workflow's own, or that of a foreach's items. */
interface Level {
  readonly nodes: readonly Node[];
  readonly indexes: ReadonlyMap<string, number>;
  /** Null where edges are wrong, which is said once. */
  readonly places: readonly Place[] | null;
}

class WorkflowCheck implements Duty {
  readonly known: Known;
  readonly scopes: WorkflowScopes;
  readonly #data: WorkflowData;
  readonly #faults: Fault[] = [];
  readonly #used = new Set<string>();
  readonly #trifecta: Trifecta;
  #at: {
    readonly node: string | null;
    readonly refer: (reference: Reference, path: string) => void;
  };

  constructor(data: WorkflowData, known: Known) {
    this.#data = data;
    this.known = known;
    this.#at = { node: null, refer: () => {} };
    this.scopes = scopesOf(data, known);
    this.#trifecta = new Trifecta(data, known);
  }

  run(): readonly Fault[] {
    const top = this.#level(this.#data.nodes);
    for (const [index, node] of this.#data.nodes.entries()) {
      this.#at = {
        node: node.id,
        refer: (reference, path) => this.#checkReference(reference, { top, index, path }),
      };
      this.#checkPlace(top, index);
      checkNode(node, this.scopes.top, this);
      this.#checkTrifecta(node, [{ ...top, index }]);
      if (node.kind === 'foreach') this.#checkItems(node, { top, index });
    }
    this.#checkOutput(top);
    this.#checkUse();
    return [...this.#structure(), ...this.#faults];
  }

  report(path: string, code: FaultCode, message: string): void {
    this.#add({ path, code, message, severity: 'error' });
  }

  use(id: string): void {
    this.#used.add(id);
  }

  typeOf(template: Template, types: ScopeTypes, path: string): ValueType {
    return typed(template, (cel, at) => this.#typeOfCel(cel, types, joined(path, at)));
  }

  checkMapping(
    template: Template,
    wanted: ValueType,
    at: { types: ScopeTypes; path: string },
  ): void {
    this.checkType(this.typeOf(template, at.types, at.path), wanted, at.path);
  }

  checkType(given: ValueType, wanted: ValueType, path: string): void {
    for (const { path: within, code, reason, severity } of mismatches(given, wanted))
      this.#add({ path: joined(path, within), code, message: `It ${reason}.`, severity });
  }

  #add(fault: Omit<Fault, 'node'>): void {
    this.#faults.push({ node: this.#at.node, ...fault });
  }

  /** What compiling refuses besides: which agents and tools there are, and what is no CEL, is said node by node already. */
  #structure(): readonly Fault[] {
    return structureFaults(this.#data, anyAgents).filter(({ code }) => code !== 'expression');
  }

  #level(nodes: readonly Node[]): Level {
    const indexes = new Map(nodes.map(({ id }, index) => [id, index]));
    return { nodes, indexes, places: this.#places(nodes, indexes) };
  }

  #places(nodes: readonly Node[], indexes: ReadonlyMap<string, number>): readonly Place[] | null {
    const isInside = (named: string): boolean => indexes.has(named.split('.')[0] as string);
    let edges: readonly Edges[];
    try {
      edges = connect(
        '',
        nodes.map((node) => ({ ...node, after: node.after.filter(isInside) })),
      );
    } catch {
      return null;
    }
    return placesOf(
      nodes,
      edges,
      nodes.map((node) => this.#constantsOf(node)),
    );
  }

  #constantsOf(node: Node): Constants {
    const deadCases = new Set<string>();
    if (node.kind === 'switch') {
      let isChosen = false;
      for (const { id, when } of node.cases) {
        const constant = this.#constant(when);
        if (isChosen || constant === false) deadCases.add(id);
        isChosen ||= constant === true;
      }
      if (isChosen && node.otherwise !== null) deadCases.add(node.otherwise);
    }
    return { isClosed: node.when !== undefined && this.#constant(node.when) === false, deadCases };
  }

  /** The value of an expression that names nothing. */
  #constant({ cel }: Cel): unknown {
    try {
      const parsed = parseCel(cel, '');
      return hasNames(parsed.ast) ? undefined : parsed({});
    } catch {
      return undefined;
    }
  }

  #checkPlace({ places }: Level, index: number): void {
    const never = places?.[index]?.never;
    if (never) this.report('', 'unreachable', `It never starts: ${never}.`);
  }

  #checkTrifecta(node: Node, at: readonly Standing[], foreach: string | null = null): void {
    const fault = this.#trifecta.faultOf(node, at, foreach);
    if (fault) this.report('', 'rule_of_two', fault);
  }

  #checkItems(
    node: ForeachNode,
    { top, index }: { readonly top: Level; readonly index: number },
  ): void {
    const level = this.#level(node.body);
    const types = this.scopes.inItem(node.id);
    for (const [inner, each] of node.body.entries()) {
      this.#at = {
        node: `${node.id}.${each.id}`,
        refer: (reference, path) => {
          if (reference.root === 'nodes') this.#checkReference(reference, { top, index, path });
          else
            this.#checkReference(reference, { top: level, index: inner, path, foreach: node.id });
        },
      };
      this.#checkPlace(level, inner);
      checkNode(each as ItemNode, types, this);
      this.#checkTrifecta(
        each,
        [
          { ...top, index },
          { ...level, index: inner },
        ],
        node.id,
      );
    }
    for (const id of node.outputs) this.use(`${node.id}.${id}`);
  }

  #checkReference(
    { id, isAsked }: Reference,
    {
      top,
      index,
      path,
      foreach,
    }: {
      readonly top: Level;
      readonly index: number;
      readonly path: string;
      readonly foreach?: string;
    },
  ): void {
    this.use(foreach ? `${foreach}.${id}` : id);
    const other = top.indexes.get(id);
    const place = top.places?.[index];
    if (other === undefined || !place) return;
    if (!place.isBehind(other))
      this.report(
        path,
        'may_be_absent',
        `It reads '${id}' without waiting for it; name '${id}' in after.`,
      );
    else if (!place.isSure(other) && !isAsked) {
      const theirs = top.places?.[other]?.cases ?? new Map();
      const isElsewhere = [...place.cases].some(
        ([at, chosen]) => theirs.has(at) && theirs.get(at) !== chosen,
      );
      const member = `${foreach ? 'each' : 'nodes'}.${id}.output`;
      const why = isElsewhere
        ? 'which is never chosen together with it'
        : 'which may have failed or been skipped by then';
      this.report(
        path,
        'may_be_absent',
        `It reads '${id}', ${why}; ask has(${member}) first, or wait for its success.`,
      );
    }
  }

  #checkOutput(top: Level): void {
    const { output } = this.#data;
    if (output === undefined) return;
    this.#at = {
      node: null,
      refer: ({ id, isAsked }, path) => {
        this.use(id);
        const place = top.places?.[top.indexes.get(id) ?? -1];
        if (isAsked || !place?.isSkippable) return;
        this.report(
          path,
          'may_be_absent',
          `It reads '${id}', which may be skipped; ask has(nodes.${id}.output) first.`,
        );
      },
    };
    this.typeOf(output, this.scopes.top, 'output');
  }

  /** Computed values are for others only; agents have findings and effects besides. */
  #checkUse(): void {
    const unused = (node: Node, id: string): void => {
      if (node.kind !== 'compute' || this.#used.has(id)) return;
      const message = 'Nobody uses its output; remove it, or read it somewhere.';
      this.#faults.push({
        node: id,
        path: '',
        code: 'unused_output',
        message,
        severity: 'warning',
      });
    };
    for (const node of this.#data.nodes) {
      unused(node, node.id);
      if (node.kind === 'foreach')
        for (const inner of node.body) unused(inner, `${node.id}.${inner.id}`);
    }
  }

  #typeOfCel(cel: string, types: ScopeTypes, path: string): ValueType {
    let ast: ASTNode;
    try {
      ast = parseCel(cel, 'It').ast;
    } catch (error) {
      this.report(path, 'expression', error instanceof Error ? error.message : String(error));
      return dyn;
    }
    const report = ({ code, message, severity }: Issue): void =>
      this.#add({
        path,
        code,
        message: isMemberPath(cel) ? message : `${cel}: ${message}`,
        severity,
      });
    const refer = (reference: Reference): void => this.#at.refer(reference, path);
    return infer(ast, { types, facts: noFacts, report, refer });
  }
}

/** Stand for all agents: which there are is checked node by node, each by its name. */
const anyAgents: Agents = new (class extends Map<string, RegisteredAgent> {
  override get(name: string): RegisteredAgent {
    return { name, module: '', agent: {} } as RegisteredAgent;
  }
})();

function joined(path: string, within: string): string {
  if (path === '' || within === '') return path + within;
  return within.startsWith('[') ? path + within : `${path}.${within}`;
}
