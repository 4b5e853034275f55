import { toErrorData } from '../../core/base/errors.ts';
import { reportTool } from '../../core/guard/prompt.ts';
import type { Message, ModelTarget, Part } from '../../core/ports/models/model.ts';
import { requestBytes } from '../../core/ports/models/prices.ts';
import { simulateTurn } from '../../core/ports/models/simulated.ts';
import type { FindingInput } from '../../core/sdk/agent.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { isDenial } from './denial.ts';
import type { BegunCall, RoundEvents } from './rounds.ts';
import { show } from './shown.ts';
import type { AgentContext } from './turn.ts';

/** What a step is rehearsed with. */
export type RehearsalContext = Omit<AgentContext, 'model'>;

type Call = Extract<Part, { kind: 'call' }>;

/** The conversation that a model would have held, by its sizes: nothing that it would have said is kept. */
export class SimulatedConversation implements RoundEvents {
  readonly #context: RehearsalContext;
  /** Where the turn under way would go. */
  #target: ModelTarget;
  /** UTF-8 bytes of the next request. */
  #bytes: number;
  /** The request before it, which its model has in its cache. */
  #sent: { readonly bytes: number; readonly to: ModelTarget } | null = null;
  #turn = 0;
  #calls = 0;
  /** Findings that the next turn reports. */
  #reported: Call[] = [];
  /** What the turn under way says. */
  #said: { readonly reports: readonly Call[]; readonly asked: readonly Call[] } = {
    reports: [],
    asked: [],
  };
  isDenied = false;

  constructor(context: RehearsalContext) {
    const { scope, talk, prompt, targets } = context;
    this.#context = context;
    this.#target = targets[talk.job.target ?? 0] as ModelTarget;
    const opening = prompt.opening(talk.job.input, scope.businessDate, scope.goal);
    this.#bytes = requestBytes(prompt.request('', [opening], 0));
  }

  /** A finding goes out as a call of the next turn, where the agent's model could report any. */
  report(finding: FindingInput): void {
    if (this.#context.scope.agent.findings)
      this.#reported.push(this.#callOf(reportTool, reportOf(finding)));
  }

  /** The turn that asks for a round of calls. */
  async before(calls: readonly BegunCall[]): Promise<void> {
    const asked = calls.map(({ tool, args }) => this.#callOf(tool.name, args));
    const reports = this.#reported.splice(0);
    this.#said = { reports, asked };
    await this.#hold(bytesOf([...reports, ...asked]), 'tools');
  }

  /** What a round has brought becomes part of the next request. */
  after(calls: readonly BegunCall[], outcomes: readonly PromiseSettledResult<unknown>[]): void {
    const { reports, asked } = this.#said;
    const results = outcomes.map((outcome, index) =>
      answerOf(asked[index] as Call, (calls[index] as BegunCall).tool, outcome),
    );
    this.#say({ role: 'assistant', parts: [...reports, ...asked] });
    this.#say({
      role: 'user',
      parts: [...reports.map((call) => resultOf(call, 'recorded', false)), ...results],
    });
  }

  /** The last turn. */
  async handIn(output: string): Promise<void> {
    const reports = this.#reported.splice(0);
    const reportBytes = reports.length > 0 ? bytesOf(reports) : 0;
    await this.#hold(reportBytes + Buffer.byteLength(output), 'end');
  }

  /** Gives back the first call's permission where nothing has come of it. */
  giveUp(error: unknown): void {
    const { job } = this.#context.talk;
    if (this.#turn > 0 || !job.permitted) return;
    this.#turn = 1;
    this.#tell({ usage: null, stop: 'error', sent: false, error, durationMs: 0 });
  }

  /** One turn, unless an earlier one was denied. */
  async #hold(outputBytes: number, stop: 'tools' | 'end'): Promise<void> {
    const { scope, talk, pace } = this.#context;
    if (this.isDenied || !(await this.#isPermitted())) return;
    talk.sent();
    this.#turn += 1;
    const { usage, latencyMs } = simulateTurn({
      inputBytes: this.#bytes,
      outputBytes,
      cachedBytes: this.#sent?.to === this.#target ? this.#sent.bytes : 0,
      profile: scope.agent.model ?? 'standard',
      maxOutputTokens: this.#target.maxOutputTokens ?? 4_096,
    });
    const startedAt = performance.now();
    try {
      const { latency = false, speed = 1 } = talk.job.simulate ?? {};
      if (latency) await pace.wait(latencyMs / speed, scope.signal);
    } catch (error) {
      // As a real call that was broken off: the provider may have done its work by then.
      const durationMs = Math.round(performance.now() - startedAt);
      this.#tell({ usage: null, stop: 'error', sent: true, error, durationMs });
      throw error;
    }
    this.#sent = { bytes: this.#bytes, to: this.#target };
    this.#tell({ usage, stop, sent: true, durationMs: latencyMs });
  }

  async #isPermitted(): Promise<boolean> {
    const { scope, talk, targets } = this.#context;
    try {
      if (this.#turn > 0 || !talk.job.permitted)
        this.#target = targets[await talk.permit({ bytes: this.#bytes })] as ModelTarget;
      return true;
    } catch (error) {
      if (!isDenial(error) || (scope.agent.onBudget ?? 'playbook') !== 'playbook') throw error;
      this.isDenied = true;
      talk.entry('playbook.started', { reason: error.code });
      return false;
    }
  }

  #tell({
    error,
    ...told
  }: Pick<Parameters<AgentContext['talk']['turn']>[0], 'usage' | 'stop' | 'sent' | 'durationMs'> & {
    readonly error?: unknown;
  }): void {
    const { talk } = this.#context;
    talk.turn({
      turn: this.#turn,
      model: this.#target.model,
      ...told,
      simulated: true,
      ...(error !== undefined && { error: toErrorData(error) }),
    });
  }

  #callOf(name: string, args: unknown): Call {
    this.#calls += 1;
    return { kind: 'call', id: `call-${this.#calls}`, name, args };
  }

  #say(message: Message): void {
    // A comma parts it from the message before.
    this.#bytes += bytesOf(message) + 1;
  }
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function resultOf({ id, name }: Call, content: string, isError: boolean): Part {
  return { kind: 'result', id, name, content, isError };
}

/** What a model would have been told of a call. */
function answerOf(call: Call, tool: AnyTool, outcome: PromiseSettledResult<unknown>): Part {
  return outcome.status === 'fulfilled'
    ? resultOf(call, show(outcome.value, tool).content, false)
    : resultOf(call, toErrorData(outcome.reason).message, true);
}

/** A finding as a model would report it. */
function reportOf({ kind, severity, records, company, amount, summary }: FindingInput): unknown {
  return {
    kind,
    severity,
    records,
    company: company ?? null,
    amount: amount?.amount ?? null,
    currency: amount?.currency ?? null,
    summary,
  };
}
