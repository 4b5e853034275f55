import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { CompiledForeach, CompiledNode, CompiledTask } from '../graph/compiled.ts';
import type { ExpressionScope } from '../graph/expression.ts';
import { itemIn, itemsIn } from '../run/foreach.ts';

/**
 * What a run keeps of the plan that it is bound to. Kept with the run itself, so that whoever takes the run up has it, and
 * nothing else has to be stored, kept and erased for it; a digest a node is enough, since a step is compared only when its
 * node begins.
 */
export interface BoundPlan {
  /** Hex, 64 characters. */
  readonly hash: string;
  /** Digest of the declarations, models and prices that the plan rests on. */
  readonly basis: string;
  /** Digests of the steps that each node came to, by node id; nodes that the plan did not come to are not there. */
  readonly nodes: Readonly<Record<string, string>>;
}

/** Digest of what one step of a node works on. */
export function stepDigest(place: CompiledNode, scope: ExpressionScope): string {
  const input = place.kind === 'task' || place.kind === 'tool' ? dataInput(place, scope) : null;
  return shortDigest([place.id, doerOf(place), input]);
}

/** Digest of all steps that a foreach comes to, in the order of its items. @throws WORKFLOW_INVALID for a key that is no text or not unique */
export function itemsDigest(
  node: CompiledForeach,
  values: readonly unknown[],
  scope: ExpressionScope,
): string {
  const items = itemsIn(node, values, scope).map(({ key, value }) => [
    key,
    node.body.map((place) => [
      place.id,
      doerOf(place),
      place.kind === 'task' || place.kind === 'tool'
        ? dataInput(place, { ...scope, ...itemIn(node, value) })
        : null,
    ]),
  ]);
  return shortDigest([node.id, items]);
}

/** Who does a node, in which version where people have made it. */
function doerOf(place: CompiledNode): string | null {
  if (!('agent' in place)) return null;
  return place.made ? `${place.agent}@${place.made.made?.version}` : place.agent;
}

/** Lets a step of a node begin that the plan came to, with what it had for it. @throws PLAN_CHANGED */
export function checkStep(
  plan: BoundPlan | undefined,
  place: CompiledNode,
  scope: ExpressionScope,
): void {
  if (plan) checkNode(plan, place.id, stepDigest(place, scope));
}

/** Lets a foreach begin that has the items of the plan. @throws PLAN_CHANGED · WORKFLOW_INVALID */
export function checkItems(
  plan: BoundPlan | undefined,
  node: CompiledForeach,
  of: { readonly values: readonly unknown[]; readonly scope: ExpressionScope },
): void {
  if (plan) checkNode(plan, node.id, itemsDigest(node, of.values, of.scope));
}

function checkNode({ hash, nodes }: BoundPlan, node: string, now: string): void {
  const planned = nodes[node];
  if (planned === now) return;
  throw planChanged(
    hash,
    planned === undefined
      ? `it did not come to '${node}', which is now to begin`
      : `'${node}' has other steps or inputs now`,
  );
}

/** @throws PLAN_CHANGED when this engine has other declarations, models or prices */
export function checkBasis(plan: BoundPlan | undefined, basisOf: () => string): void {
  if (plan && plan.basis !== basisOf())
    throw planChanged(plan.hash, 'it was made with other agents, policies, models or prices');
}

/** The failure of whatever is bound to a plan that no longer holds. */
export function planChanged(hash: string, why: string): EngineError {
  return new EngineError(
    'PLAN_CHANGED',
    `The plan ${hash.slice(0, 12)}… no longer holds: ${why}. Plan again, and bind the run to the new plan.`,
    { details: { plan: hash } },
  );
}

/**
 * A step's input as far as it rests on data alone. What reads the output of an agent is null: a model may answer otherwise than
 * the playbook of the plan did, and that is no other plan.
 */
function dataInput(place: CompiledTask, scope: ExpressionScope): unknown {
  try {
    return place.input({ ...scope, nodes: {}, each: {} });
  } catch {
    return null;
  }
}

function shortDigest(of: unknown): string {
  return digest(of).toString('hex').slice(0, 32);
}
