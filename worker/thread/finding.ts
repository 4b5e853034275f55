import { z } from 'zod';
import { EngineError } from '../../core/base/errors.ts';
import { Money } from '../../core/base/money.ts';
import { toStorableJson, toVisible } from '../../core/base/text.ts';
import { issues, type StepScope } from '../../core/guard/invoke.ts';
import type { FindingInput } from '../../core/sdk/agent.ts';
import { severities } from '../../core/sdk/severity.ts';

// Widths that the finding's row and its readers can rely on.
const code = z.string().min(1).max(200);
const findingSchema = z.object({
  kind: code,
  severity: z.enum(severities),
  records: z.array(z.object({ entity: code, id: code })),
  company: code.optional(),
  amount: Money.optional(),
  summary: z.string(),
  evidence: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .optional(),
});

/** Findings of an attempt, and what they may have together, bytes of JSON: the engine records all of them at once and hears nobody else meanwhile. */
const mostFindings = 2_000;
const largestFindings = 2_000_000;

/**
 * What an attempt has found so far: it counts once the attempt has succeeded, so a failed try leaves none behind, or once people are asked about
 * an effect of it.
 */
export class Findings {
  #all: FindingInput[] = [];
  #bytes = 0;

  get all(): readonly FindingInput[] {
    return this.#all;
  }

  /**
   * Takes a finding that its agent has declared and that its row can hold; a copy, so that nothing of the agent's stays in it.
   * @throws AGENT_FAILED for a kind that the agent does not declare · OUTPUT_INVALID naming the member that does not fit, or where there are too many
   */
  add(scope: Pick<StepScope, 'agent' | 'agentName'>, finding: FindingInput): void {
    const json = checked(scope, finding);
    const bytes = this.#bytes + Buffer.byteLength(json);
    const isMany = this.#all.length >= mostFindings;
    if (isMany || bytes > largestFindings) {
      const what = isMany
        ? `more than ${mostFindings} findings`
        : `findings of more than ${largestFindings} bytes`;
      throw new EngineError(
        'OUTPUT_INVALID',
        `'${scope.agentName}' reports ${what} in an attempt; give it less to look at, one item of a foreach for example.`,
      );
    }
    this.#bytes = bytes;
    this.#all.push(JSON.parse(json) as FindingInput);
  }

  /** Those of a turn that an earlier attempt has recorded: they count towards what this one may report. */
  recall(findings: readonly FindingInput[]): void {
    this.#all.push(...findings);
    for (const each of findings) this.#bytes += Buffer.byteLength(JSON.stringify(each));
  }

  /** Forgets all of them. */
  clear(): void {
    this.#all = [];
    this.#bytes = 0;
  }
}

/** A finding as JSON. */
function checked(scope: Pick<StepScope, 'agent' | 'agentName'>, finding: FindingInput): string {
  const declared = scope.agent.findings;
  if (declared && !Object.hasOwn(declared, finding.kind)) {
    throw new EngineError(
      'AGENT_FAILED',
      `'${scope.agentName}' does not declare findings of kind '${finding.kind}'; add it to the agent's findings.`,
    );
  }
  const parsed = findingSchema.safeParse(finding);
  if (parsed.success) return toVisible(toStorableJson(parsed.data));
  throw new EngineError(
    'OUTPUT_INVALID',
    `'${scope.agentName}' reports a finding that does not fit: ${issues(parsed.error)}.`,
  );
}
