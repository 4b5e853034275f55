import { EngineError, toErrorData } from '../../base/errors.ts';
import { doersIn } from '../../sdk/node.ts';
import { type EntryInput, nextEntry } from '../journal/entries.ts';
import type { Change } from '../journal/rows.ts';
import {
  type Declared,
  type Pinned,
  type PinnedAgent,
  pinnedAgents,
  short,
} from '../run/pinned.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import type { HistoryEntry } from '../store/store.ts';

/** What has been said so far of what a run goes on with. */
interface Told {
  readonly pins: Pinned;
  /** Contracts that it waits to be allowed to go on with; null: it does not wait for that. */
  readonly asked: Readonly<Record<string, string>> | null;
  /** Whether a person has paused it, too. */
  readonly isHeld: boolean;
}

/** The pins of a run and what its journal says of them since. */
function told(pinned: Pinned, history: readonly HistoryEntry[]): Told {
  let { policies } = pinned;
  const agents: Record<string, PinnedAgent> = { ...pinned.agents };
  let asked: Told['asked'] = null;
  let isHeld = false;
  const take = (names: Readonly<Record<string, string>>, what: 'prompt' | 'contract'): void => {
    for (const [name, to] of Object.entries(names)) {
      const known = agents[name];
      if (known) agents[name] = { ...known, [what]: to };
    }
  };
  for (const { kind, data } of history) {
    if (kind === 'run.repinned') {
      policies = String(data.policies ?? policies);
      take((data.prompts ?? {}) as Record<string, string>, 'prompt');
    } else if (kind === 'run.paused') {
      if (data.contracts) asked = data.contracts as Record<string, string>;
      else isHeld = true;
    } else if (kind === 'run.resumed') {
      if (data.reason !== 'version') take(asked ?? {}, 'contract');
      asked = null;
      isHeld = false;
    }
  }
  return { pins: { policies, agents }, asked, isHeld };
}

/**
 * Compares what a run goes on with to what it has begun with, when somebody takes it up. Other prompts or policies: it goes on, and its
 * journal says so, once. Another contract of an agent that it still needs: it is paused with VERSION_GONE until a person resumes it,
 * which lets it go on with the new contract, or until an engine with the old one takes it up. Returns what is to be recorded.
 */
export function checkPins(
  run: Run,
  {
    pinned,
    history,
    declared,
  }: {
    readonly pinned: Pinned | undefined;
    readonly history: readonly HistoryEntry[];
    readonly declared: Declared;
  },
): readonly Change[] {
  // A run of a release before pins keeps going, as it did there.
  if (!pinned) return [];
  const before = told(pinned, history);
  const now = pinnedAgents(declared, Object.keys(pinned.agents));
  const entries = [...movedPrompts(before.pins, now), ...movedContracts(run, before, now)];
  return entries.map((entry) => ({ run, step: null, entries: [nextEntry(run, entry)] }));
}

function movedPrompts(before: Pinned, now: Pinned): readonly EntryInput[] {
  const prompts = moved(before, now, 'prompt');
  const isOther = before.policies !== now.policies;
  if (!isOther && Object.keys(prompts).length === 0) return [];
  const data = { prompts, ...(isOther && { policies: now.policies }) };
  return [{ step: null, kind: 'run.repinned', data }];
}

function movedContracts(
  run: Run,
  { pins, asked, isHeld }: Told,
  now: Pinned,
): readonly EntryInput[] {
  const needed = neededBy(run);
  const contracts = Object.fromEntries(
    Object.entries(moved(pins, now, 'contract')).filter(([name]) => needed.has(name)),
  );
  const names = Object.keys(contracts);
  if (names.length === 0) {
    if (asked === null) return [];
    if (!isHeld) run.resume();
    const data = { reason: 'version' };
    return [{ step: null, kind: 'run.resumed', data }, ...(isHeld ? [held] : [])];
  }
  run.pause();
  if (asked && short(asked) === short(contracts)) return [];
  const message = `Other contracts than the run has begun with: ${names.join(', ')}. Resume it to go on with them (tutti resume), or start the release that it began with.`;
  const error = toErrorData(new EngineError('VERSION_GONE', message));
  return [{ step: null, kind: 'run.paused', data: { contracts, error } }];
}

/** A person's pause stays when the other reason to wait has gone. */
const held: EntryInput = { step: null, kind: 'run.paused', data: {} };

function moved(
  before: Pinned,
  now: Pinned,
  what: 'prompt' | 'contract',
): Readonly<Record<string, string>> {
  const others = Object.entries(now.agents).filter(
    ([name, agent]) => before.agents[name]?.[what] !== agent[what],
  );
  return Object.fromEntries(others.map(([name, agent]) => [name, agent[what]]));
}

/** Agents that steps of a run may still be done by. */
function neededBy({ graph, steps }: Run): ReadonlySet<string> {
  const open = graph.nodes.filter((_, index) => {
    const step = steps[index];
    return step !== undefined && !isTerminal(step.status);
  });
  return new Set(doersIn(open).flatMap((place) => ('agent' in place ? [place.agent] : [])));
}
