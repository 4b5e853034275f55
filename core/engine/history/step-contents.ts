import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Registry } from '../../sdk/registry.ts';
import { type GraphParts, keptGraph } from '../adoption/kept-graph.ts';
import { type Graph, isAgentPlace } from '../graph/compiled.ts';
import { takenBy } from '../loop/launcher.ts';
import { type StoredOutput, StoredOutputs } from '../store/stored-outputs.ts';
import type { AttemptView, History, StepView } from './history.ts';
import { ReadBack, type ReadBackParts, type StepPlace } from './read-back.ts';

/** Data of a step, or why there is none to show. */
export type Content =
  | { readonly state: 'there'; readonly value: unknown }
  /** It has been given or has brought nothing, or not yet. */
  | { readonly state: 'none' }
  | { readonly state: 'erased' }
  /** It cannot be made again with what is loaded now. */
  | { readonly state: 'unknown'; readonly why: string };

/** A step with what it was given, what it has brought, and its tries. */
export interface StepContent extends StepView {
  /** `match/check[V-17]` */
  readonly path: string;
  /** Its node's mapping of what was there when it started, as its agent takes it; the items of a foreach. */
  readonly input: Content;
  readonly output: Content;
  readonly attempts: readonly AttemptView[];
}

/** Which step of which run. */
export interface StepAsked {
  readonly tenantId: number;
  readonly runId: string;
  /** The path of the step. */
  readonly step: string;
}

type Parts = GraphParts & {
  readonly database: Pick<Database, 'rowsOf'>;
  readonly history: Pick<History, 'steps' | 'attempts'>;
};

/** Where a step stands, and what its data can be made of. */
interface Found {
  readonly path: string;
  readonly at: StepPlace;
  readonly parts: ReadBackParts;
  readonly agents: Registry['agents'];
}

/**
 * Shows what single steps worked on. Outputs are stored; an input is not stored a second time but made again, of the outputs that it was made
 * of. Of a large run as little is read as of a small one.
 */
export class StepContents {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws STEP_UNKNOWN · DB_* */
  async read(asked: StepAsked): Promise<StepContent> {
    const { tenantId, runId, step: path } = asked;
    const { history, database } = this.#parts;
    const [view] = await history.steps(tenantId, runId, { path });
    if (!view)
      throw new EngineError('STEP_UNKNOWN', `Run ${runId} has no step '${path.slice(0, 200)}'.`);
    const stored = new StoredOutputs(database, { tenantId, runId });
    const [attempts, [row]] = await Promise.all([
      history.attempts(tenantId, runId, view.id),
      stored.steps([view.node], view.itemKey),
    ]);
    const isGiven = wasGiven(view);
    const isMade = brings(view) && row?.isStored === false;
    const found = isGiven || isMade ? await this.#find(view, asked, stored) : none;
    const input = isGiven ? await contentIn(found, givenTo) : none;
    const made = isMade ? await contentIn(found, (back, { at }) => back.outputOf(at)) : none;
    return { ...view, path, input, output: outputIn(view, row) ?? made, attempts };
  }

  /** Reads what a step's place needs; what cannot be made any more is content. */
  async #find(
    { node, itemKey }: StepView,
    { tenantId, runId, step: path }: StepAsked,
    stored: StoredOutputs,
  ): Promise<Found | Content> {
    try {
      const row = await this.#parts.store.run(tenantId, runId);
      if (!row) return none;
      const [outer = '', inner = ''] = node.split('/');
      const { graph, agents } = await keptGraph(this.#parts, row, outer);
      const at = placeIn(graph, { outer, inner, key: itemKey });
      if (!at) return none;
      const facts = { businessDate: row.business_date, company: row.company };
      return { path, at, parts: { facts, graph, stored }, agents };
    } catch (error) {
      return unknownFor(error);
    }
  }
}

const none: Content = { state: 'none' };
const erased: Content = { state: 'erased' };
const there = (value: unknown): Content => ({ state: 'there', value: value ?? null });

/** What can no longer be made is told; what failed for another reason fails. */
function unknownFor(error: unknown): Content {
  if (!isEngineError(error) || error.code.startsWith('DB_')) throw error;
  return { state: 'unknown', why: error.message };
}

function placeIn(
  { nodes, places }: Graph,
  { outer, inner, key }: Readonly<Record<'outer' | 'inner' | 'key', string>>,
): StepPlace | null {
  const node = nodes[places.get(outer) ?? -1];
  if (!node) return null;
  if (key === '') return { place: node, foreach: null };
  if (node.kind !== 'foreach') return null;
  const place = inner === '' ? node.body[0] : node.body.find(({ id }) => id === inner);
  return place ? { place, foreach: node, key } : null;
}

/** Whether there is anything that a step has been given. */
function wasGiven({ status, startedAt, kind }: StepView): boolean {
  if (['pending', 'skipped'].includes(status)) return false;
  if (status === 'cancelled' && startedAt === null) return false;
  return ['task', 'tool', 'reduce', 'workflow', 'foreach'].includes(kind);
}

/** Whether a step has come to an end that brings something. */
function brings({ status, kind }: StepView): boolean {
  return status === 'succeeded' && kind !== 'gate';
}

/** What is made of what is read back of a step: nothing can be, where something is erased that it is made of. */
async function contentIn(
  found: Found | Content,
  make: (back: ReadBack, found: Found) => Promise<unknown>,
): Promise<Content> {
  if ('state' in found) return found;
  const back = new ReadBack(found.parts);
  try {
    const made = await make(back, found);
    if (back.isErased) return erased;
    return made === undefined ? none : there(made);
  } catch (error) {
    const why = unknownFor(error);
    return back.isErased ? erased : why;
  }
}

/** @throws EXPRESSION_INVALID · INPUT_INVALID: it has failed for that */
async function givenTo(back: ReadBack, { at, path, agents }: Found): Promise<unknown> {
  const { place } = at;
  if (place.kind === 'foreach') return back.valuesOf(place);
  const given = await back.inputOf(at);
  const registered = isAgentPlace(place) ? (place.made ?? agents.get(place.agent)) : undefined;
  return registered ? takenBy(registered, given, path) : given;
}

/** What is stored of a step's output; null: nothing. */
function outputIn(view: StepView, row: StoredOutput | undefined): Content | null {
  if (!brings(view) || !row?.isStored) return null;
  return row.body === null ? erased : there(JSON.parse(row.body));
}
