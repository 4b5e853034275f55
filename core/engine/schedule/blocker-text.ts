import { type PolicyRef, policyLabel } from '../../sdk/policy/policy-ref.ts';
import type { BlockerData, Dependency, GateKind } from './blocker-data.ts';

const gateTexts: Readonly<Record<GateKind, string>> = {
  closed: 'is closed because its provider asked for a pause',
  headroom: 'leaves the rest of its limits to runs that somebody waits for',
  model_requests: 'has no request left in this minute',
  model_tokens: 'has too few tokens left in this minute',
  model_concurrency: 'has as many calls at once as it may have',
  burst: 'has had as many requests in this second as it may have',
  hour: 'has no request left in this hour',
  day: 'has no request left today',
};

/** Says to people what a step waits for. `untilMs`: milliseconds until it may be over, or null. */
export function blockerText(data: BlockerData, untilMs: number | null): string {
  const sentence = sentenceOf(data);
  return untilMs === null ? `${sentence}.` : `${sentence}, for ${spanText(untilMs)} at least.`;
}

function sentenceOf(data: BlockerData): string {
  switch (data.kind) {
    case 'dependency':
      return `It waits for ${dependencyText(data.steps)}`;
    case 'items':
      return `'${data.foreach}' works on ${data.atOnce === 1 ? 'one item' : `${data.atOnce} items`} at once`;
    case 'stop':
      if (data.reach === 'suspended')
        return 'Its tenant is suspended until somebody resumes it: tutti tenant resume';
      return `'${data.reach}' is stopped${data.reason === '' ? '' : ` (${data.reason})`} until somebody lifts it: tutti stop ${data.reach} --lift`;
    case 'paused':
      return 'The run is paused until somebody resumes it';
    case 'owner':
      return 'No engine starts work of the run now; the next one that is free takes it';
    case 'retry':
      return 'It is tried again after a failure';
    case 'moment':
      return 'It waits for its moment';
    case 'review':
      return `A person must say how ${effectText(data.key)} ended`;
    case 'approval':
      return data.by.length > 0
        ? `It waits for ${data.by.join(' or ')} to decide (tutti approvals)`
        : `A person must approve ${effectText(data.key)}${policyText(data.policy)}`;
    case 'budget_approval':
      return 'A person must approve more money for it';
    case 'event':
      return 'It waits for an event';
    case 'version':
      return 'It waits for an engine that has loaded the version of its run';
    case 'batch':
      return 'Its model call is in a batch of the provider, which takes about an hour';
    case 'child':
      return data.runs.length > 0
        ? `It waits for what it started: run ${data.runs.join(', run ')}`
        : 'It waits for the run that it started';
    case 'machine':
      return `It has waited for a machine of the pool '${data.pool}' since ${data.since}: tutti worker --pool ${data.pool}`;
    case 'process':
      return `It has waited for the process of the module '${data.module}' since ${data.since}: another module has its place, or it is being started`;
    case 'quarantine':
      return `It is suspected of having taken its thread down, runs alone, and has waited for its turn since ${data.since}`;
    case 'running':
      return 'The engine runs as many steps as it may';
    case 'run':
      return 'Its run has as many running steps as it may have';
    case 'module':
      return `The module '${data.module}' has as many running steps as it may have`;
    case 'breaker':
      return `'${data.scope}' has failed several times in a row and is left alone`;
    case 'erp':
      return `The ERP '${data.scope}' ${gateTexts[data.limit]}`;
    case 'budget':
      return `What the budget '${data.scope}' has left is reserved for calls under way`;
    case 'queue':
      return data.ahead === 1 ? 'One step goes before it' : `${data.ahead} steps go before it`;
    default:
      return `'${data.scope}' ${gateTexts[data.kind]}`;
  }
}

function dependencyText(steps: readonly Dependency[]): string {
  const [first, ...others] = steps;
  const named = `'${first?.path}' (${first?.status})`;
  return others.length === 0 ? named : `${named} and ${others.length} more`;
}

function effectText(key: string | null): string {
  return key === null ? 'an effect' : `the effect ${key.slice(0, 12)}`;
}

function policyText(policy: PolicyRef | undefined): string {
  return policy ? `, as policy '${policyLabel(policy)}' says` : '';
}

function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
