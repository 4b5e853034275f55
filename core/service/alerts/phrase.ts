import type { AlertRule } from '../../ports/service-config.ts';
import { countOf, formatCost } from '../batch/format.ts';
import type { Standing } from './standing.ts';

/** What is past its threshold, in one sentence. */
export function phraseOf(rule: AlertRule, { subject, detail }: Standing): string {
  const number = (name: string): number => Number(detail[name] ?? 0);
  switch (rule.kind) {
    case 'run_failed':
      return `The newest run of ${subject} has failed: ${detail.runId}.`;
    case 'failure_rate':
      return `${number('failed')} of ${countOf(number('ended'), 'step')} of the last ${number('withinMinutes')} minutes failed.`;
    case 'budget_used':
      return `The daily budget of ${subject}, ${formatCost(number('limitMicroUsd'))}, is used up to ${Math.floor((number('usedMicroUsd') / Math.max(1, number('limitMicroUsd'))) * 100)} %.`;
    case 'not_ready':
      return `The engine on ${subject} is not ready: ${detail.code}.`;
    case 'dead_letters':
      return `${countOf(number('deliveries'), 'webhook delivery', 'webhook deliveries')} and ${countOf(number('firings'), 'ERP event')} were given up and wait for a replay.`;
    case 'webhook_disabled':
      return `Webhook endpoint ${subject} was disabled: ${detail.reason}.`;
    case 'approvals_waiting':
      return `${countOf(number('questions'), 'question')} to people ${number('questions') === 1 ? 'has' : 'have'} waited for more than ${number('hours')} hours.`;
    case 'night_late':
      return `The night, ${subject}, has not ended by ${rule.by}: it is ${detail.state}.`;
    case 'agent_refused':
      return `Unusual: ${number('refusals')} calls of ${subject} were refused within ${number('withinMinutes')} minutes.`;
    case 'failures_rising':
      return `${subject} fails more often than before: ${number('failed')} of ${countOf(number('ended'), 'attempt')} of the last ${countOf(number('withinHours'), 'hour')}, ${number('pastFailed')} of ${number('pastEnded')} in the ${countOf(number('againstDays'), 'day')} before.`;
  }
}
