import { EngineError } from '../../base/errors.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { agentUnknown } from '../agents/agent-unknown.ts';
import type { Standing } from './standing.ts';
import { type Given, taskInput } from './text-input.ts';

/** What an agent is looked for by; what it is given it must take. */
export interface Wanted extends Given {
  /** Name of a capability. */
  readonly capability?: string | undefined;
  /** What it is to work on. */
  readonly inputType?: string | undefined;
  /** What it is to deliver. */
  readonly outputType?: string | undefined;
}

/** Who can be chosen, and what is known of each. */
export interface Choosing {
  readonly agents: Iterable<RegisteredAgent>;
  readonly standings: ReadonlyMap<string, Standing>;
  /** Whether models can be called; without, only agents with a playbook can do anything. */
  readonly hasModels: boolean;
}

/** An agent that could have been chosen, as it stood. */
export interface Considered extends Standing {
  readonly agent: string;
  /** Words that the task shares with its purpose and capabilities; 0 where a capability or type was asked for. */
  readonly words: number;
}

/** An agent for a task. */
export interface Choice {
  readonly agent: RegisteredAgent;
  /** One sentence for people. */
  readonly why: string;
  /** The best ones, the chosen one first; at most 5. */
  readonly considered: readonly Considered[];
}

const mostShown = 5;
const unknown: Standing = { underWay: 0, succeeded: 0, ended: 0, confirmed: 0 };

/**
 * The best agent for a task, without a model: of those that can do it the one with the least under way, then with the best record, then the
 * first by name. Where neither a capability nor a type is asked for, those come first whose purpose and capabilities share the most words
 * with the task. The same question over the same record has the same answer.
 * @throws AGENT_UNKNOWN when none can do it · MODEL_REQUIRED when only agents without a playbook can and there is no model
 */
export function chooseAgent(wanted: Wanted, { agents, standings, hasModels }: Choosing): Choice {
  const all = [...agents].filter(({ isTool, isOwn }) => !isTool && !isOwn);
  const able = all.filter((each) => isAble(each, wanted));
  const fit = able.filter(({ agent }) => hasModels || agent.procedure !== undefined);
  const ranked = fit
    .map((agent) => ({ agent, ...considered(agent, wanted, standings) }))
    .sort((a, b) => compare(a, b));
  const [best] = ranked;
  if (!best) throw able.length > 0 ? modelRequired(able) : noneFor(wanted, all);
  return {
    agent: best.agent,
    why: whyOf(best, wanted, ranked[1]),
    considered: ranked.slice(0, mostShown).map(({ agent, ...rest }) => ({
      ...rest,
      agent: agent.name,
    })),
  };
}

/** Whether nothing but words says what is wanted. */
function byWords({ capability, inputType, outputType }: Wanted): boolean {
  return [capability, inputType, outputType].every((each) => each === undefined);
}

function isAble({ agent }: RegisteredAgent, wanted: Wanted): boolean {
  const { capability, inputType, outputType, text } = wanted;
  if (taskInput(agent, wanted).kind === 'fault') return false;
  if (byWords(wanted)) return text !== undefined && sharedWords(agent, text) > 0;
  return (agent.capabilities ?? []).some(
    ({ name, inputTypes, outputTypes }) =>
      (capability === undefined || name === capability) &&
      (inputType === undefined || inputTypes.includes(inputType)) &&
      (outputType === undefined || outputTypes.includes(outputType)),
  );
}

function considered(
  { name, agent }: RegisteredAgent,
  wanted: Wanted,
  standings: Choosing['standings'],
): Omit<Considered, 'agent'> {
  const words = byWords(wanted) ? sharedWords(agent, wanted.text ?? '') : 0;
  return { words, ...(standings.get(name) ?? unknown) };
}

/** Words of four letters and more; shorter ones are in every text. */
function sharedWords(agent: RegisteredAgent['agent'], text: string): number {
  const own = [agent.purpose, ...(agent.capabilities ?? []).map(({ name }) => name)];
  const known = wordsOf(own.join(' '));
  return [...wordsOf(text)].filter((word) => known.has(word)).length;
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(
    text
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word.length >= 4),
  );
}

type Ranked = Standing & { readonly words: number; readonly agent: RegisteredAgent };

function compare(a: Ranked, b: Ranked): number {
  const byRecord = shareOf(b) - shareOf(a) || b.confirmed - a.confirmed;
  const byName = a.agent.name < b.agent.name ? -1 : 1;
  return b.words - a.words || a.underWay - b.underWay || byRecord || byName;
}

// As if each had succeeded once and failed once before: one success of one is no better record than 99 of 100.
function shareOf({ succeeded, ended }: Standing): number {
  return (succeeded + 1) / (ended + 2);
}

function whyOf(best: Ranked, wanted: Wanted, next: Ranked | undefined): string {
  const can = byWords(wanted) ? `shares ${best.words} words with the task` : `can ${asked(wanted)}`;
  const stands = `${best.agent.name} ${can}; ${standingOf(best)}`;
  return next
    ? `${stands}. Next: ${next.agent.name}, ${standingOf(next)}.`
    : `${stands}. No other.`;
}

function standingOf({ underWay, succeeded, ended, confirmed }: Standing): string {
  return `${underWay} under way, ${succeeded} of ${ended} steps succeeded lately, ${confirmed} findings confirmed`;
}

function asked({ capability, inputType, outputType }: Wanted): string {
  const parts = [
    capability && `'${capability}'`,
    inputType && `take '${inputType}'`,
    outputType && `deliver '${outputType}'`,
  ];
  return parts.filter(Boolean).join(', ');
}

function modelRequired(able: readonly RegisteredAgent[]): EngineError {
  const names = able.map(({ name }) => `'${name}'`).join(', ');
  return new EngineError('MODEL_REQUIRED', `${names} could do it, but without a playbook; ${how}`);
}

/** What to do where an agent needs a model and there is none. */
const how =
  'it needs a model: set OPENAI_API_KEY or ANTHROPIC_API_KEY, or name one in tutti.config.ts.';

/** Refuses an agent that was named and cannot do anything here. @throws MODEL_REQUIRED */
export function checkRunnable({ name, agent }: RegisteredAgent, hasModels: boolean): void {
  if (hasModels || agent.procedure !== undefined) return;
  throw new EngineError('MODEL_REQUIRED', `'${name}' has no playbook; ${how}`);
}

function noneFor(wanted: Wanted, all: readonly RegisteredAgent[]): EngineError {
  const known = new Set(
    all.flatMap(({ agent }) => (agent.capabilities ?? []).map(({ name }) => name)),
  );
  const list = [...known].sort().join(', ') || 'none';
  const what = byWords(wanted)
    ? 'whose purpose shares a word with this task'
    : `that can ${asked(wanted)}`;
  const also = wanted.text === undefined ? ' and takes this input' : ' and takes a task in words';
  return agentUnknown(
    `No agent is loaded ${what}${also}; capabilities are: ${list}. Name an agent instead (tutti modules).`,
  );
}
