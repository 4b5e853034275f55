import type { ErrorData } from '../../base/errors.ts';
import type { StepWait, Trust } from '../../ports/db/states.ts';
import type { CompiledForeach, CompiledNode, CompiledTask } from '../graph/compiled.ts';
import { noTries, type Tries } from '../recovery/ladder.ts';
import type { Ended } from './outcome.ts';
import { checkMove, type StepStatus } from './states.ts';

/** One node instance of a run, as its owner holds it in memory; the row of table `step` is its projection. */
export interface Step {
  readonly id: number;
  /** Node id; inside a foreach `foreach/node`, or the foreach's own id when its item graph is one agent. */
  readonly node: string;
  readonly itemKey: string;
  readonly kind: CompiledNode['kind'];
  readonly place: CompiledNode | CompiledTask;
  /** The item that it belongs to, inside a foreach. */
  readonly item: Item | null;
  status: StepStatus;
  attempt: number;
  /** Times that a thread died under it; not counted as attempts. */
  crashes: number;
  /** What its failures have led to so far. */
  tries: Tries;
  /** Whom its escalations named, in order. */
  told: readonly string[];
  /** What a waiting step waits for. */
  wait: StepWait | null;
  /** When a waiting step goes on by itself. */
  wakeAt: number | null;
  /** Up to where the ERP's events are known, for one that waits for an event. */
  cursor: string | null;
  readyAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  worker: string | null;
  output: unknown;
  outputSeq: number | null;
  error: ErrorData | null;
  costMicroUsd: number;
  /** Turns of the conversation with a model that the next attempt goes on from. */
  recorded: number;
  /** Effects that a person settled before the step came to wait for it; null: none ever. */
  settled: Set<string> | null;
  /** Fingerprints, hex, of what attempts before have found and told; null: nothing. */
  found: ReadonlySet<string> | null;
  /** Whether it asks for its next model call: it runs, and holds no slot. */
  isAsking: boolean;
  /** Whether it is being cancelled by itself: however its attempt ends, it is not tried again. */
  isCancelling: boolean;
  /** The agent that took the step over, qualified, or null: the one that the workflow names. */
  reassignedTo: string | null;
  /** Whether its playbook does it, because its model would not. */
  onPlaybook: boolean;
  degraded: boolean;
  /** The label of its output: the least trusted source that it rests on. */
  trust: Trust;
  /** The latest of its changes that the journal was given, by the journal's count; 0: none. */
  lastChange: number;
}

/** How a step has ended in the run that its run retries. */
export interface Carried extends Pick<Step, 'outputSeq' | 'degraded'> {
  readonly ended: Ended;
}

/** One of what a foreach runs over. */
export interface Member {
  readonly key: string;
  /** Its place among all of them. */
  readonly index: number;
}

/** One item of a foreach, or a batch of several: its own little graph of steps. */
export interface Item {
  readonly container: Container;
  /** Of a batch that of its first item. */
  readonly key: string;
  /** Of a batch the list of its items. */
  readonly value: unknown;
  /** Itself; of a batch its items. */
  readonly members: readonly Member[];
  /** Its label. */
  readonly trust: Trust;
  readonly steps: Step[];
  released: boolean;
}

/** What an item is made of. */
export type ItemData = Pick<Item, 'key' | 'value' | 'members' | 'trust'>;

/** A foreach under way. */
export interface Container {
  readonly step: Step;
  readonly node: CompiledForeach;
  readonly items: Item[];
  /** The next item to release. */
  next: number;
  /** Released items that have not ended. */
  open: number;
  ended: number;
  stopped: boolean;
  /** Whether items are being released: one that ends at once must not release the next within itself. */
  isReleasing: boolean;
  /** Ends as cancelled once what runs of it has ended. */
  cancelled: boolean;
}

const nobody: readonly string[] = [];

/** A step that has not started. */
export function newStep({
  id,
  node,
  itemKey,
  place,
  item,
}: Pick<Step, 'id' | 'node' | 'itemKey' | 'place' | 'item'>): Step {
  // Named one by one: V8 makes room for what a literal names, and again and again for what follows a spread.
  return {
    id,
    node,
    itemKey,
    place,
    item,
    kind: place.kind,
    status: 'pending',
    attempt: 0,
    crashes: 0,
    tries: noTries,
    told: nobody,
    wait: null,
    wakeAt: null,
    cursor: null,
    readyAt: null,
    startedAt: null,
    endedAt: null,
    worker: null,
    output: null,
    outputSeq: null,
    error: null,
    costMicroUsd: 0,
    recorded: 0,
    settled: null,
    found: null,
    isAsking: false,
    isCancelling: false,
    reassignedTo: null,
    onPlaybook: false,
    degraded: false,
    trust: 'system',
    lastChange: 0,
  };
}

/** Moves a step along the table of states. @throws INTERNAL for a forbidden move */
export function move(step: Step, to: StepStatus): void {
  checkMove(step.status, to);
  step.status = to;
}

/** Notes that a person has settled an effect for which the step does not wait yet. */
export function noteSettled(step: Step, key: string): void {
  step.settled ??= new Set();
  step.settled.add(key);
}

/** The node of steps in a foreach's items: the foreach's own where their graph is one node. */
export function nodeIn({ id, body }: CompiledForeach, place: Pick<CompiledNode, 'id'>): string {
  return body.length === 1 ? id : `${id}/${place.id}`;
}

/** `match` or `match/check[V-17]`: where a step stands, for people and for keys. */
export function pathOf(step: Pick<Step, 'node' | 'itemKey'>): string {
  return step.itemKey === '' ? step.node : `${step.node}[${step.itemKey}]`;
}

/** Whether somebody wants a step ended, by itself or with its run: nothing of it begins any more. */
export function isEnding(
  run: { readonly isCancelled: boolean },
  step: Pick<Step, 'isCancelling'>,
): boolean {
  return run.isCancelled || step.isCancelling;
}

/** The keys of the items that a step works on together; null: it has no batch. */
export function keysOf({ item }: Pick<Step, 'item'>): readonly string[] | null {
  return item?.container.node.batch ? item.members.map(({ key }) => key) : null;
}

/** The parts of a path that `pathOf` made. */
export function readPath(path: string): Pick<Step, 'node' | 'itemKey'> {
  const [, node = path, itemKey = ''] = /^([^[]+)\[(.*)\]$/s.exec(path) ?? [];
  return { node, itemKey };
}

/** A foreach that has no items yet. */
export function newContainer(step: Step): Container {
  const node = step.place as CompiledForeach;
  const counts = { next: 0, open: 0, ended: 0 };
  return { step, node, items: [], ...counts, stopped: false, isReleasing: false, cancelled: false };
}

/** A step and everything that waits for it, in its item or among the nodes of the run. */
export function withDependents(target: Step, nodes: readonly Step[]): Step[] {
  const found = new Set([target]);
  for (const step of found) {
    const siblings = step.item?.steps ?? nodes;
    for (const index of step.place.dependents) found.add(siblings[index] as Step);
  }
  return [...found];
}
