import { agentsOf } from '../../../bin/parts/agents-of.ts';
import { tasksOf } from '../../../bin/parts/tasks-of.ts';
import type { Agents } from '../../../core/engine/agents/agents.ts';
import type { Tasks } from '../../../core/engine/tasks/tasks.ts';
import { Versions } from '../../../core/engine/versions/versions.ts';
import { readDocument } from '../../../core/sdk/document/document.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { type ModelServer, startModelServer } from '../../support/model-server.ts';
import type { ModelCallSeen } from '../../support/model-wire.ts';
import type { FreshDatabase } from '../../support/postgres.ts';

/** The configuration of the desk, for processes of their own. */
export const deskConfig = new URL('../../support/fixtures/agents.config.ts', import.meta.url);

/** Who speaks in these tests. */
export const actor = { kind: 'person', id: 'tester' } as const;

/** A workflow in which an agent works twice, `custom_name_twice`: with the task that the run is given, then again. */
export function twoSteps(agent: string): string {
  return `
name: ${agent.replaceAll('.', '_')}_twice
input:
  task: { type: string }
nodes:
  - { id: first, kind: task, agent: ${agent}, input: { task: '\${ input.task }' } }
  - { id: second, kind: task, agent: ${agent}, after: first, input: { task: again } }
output: { first: '\${ nodes.first.output.answer }', second: '\${ nodes.second.output.answer }' }
`;
}

/** Calls of a model that wait until they are let go, by the word in their task. */
class Gate {
  #waiting = Promise.withResolvers<void>();
  #held = 0;

  get held(): number {
    return this.#held;
  }

  async pass(): Promise<void> {
    this.#held += 1;
    await this.#waiting.promise;
  }

  open(): void {
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers<void>();
    this.#held = 0;
  }
}

/**
 * An engine whose model stands on 127.0.0.1. It answers with the last word of its instructions; a task that says 'hold' is answered when
 * the gate opens, one that says 'use' after a call of the one tool there is, with what that brought.
 */
export class Desk {
  readonly gate: Gate = new Gate();
  #fresh: FreshDatabase | null = null;
  #server: ModelServer | null = null;
  #tutti: TestEngine | null = null;

  async open(): Promise<void> {
    this.#fresh = await booksDatabase();
    this.#server = await startModelServer(async (call) => {
      const asked = JSON.stringify(call.messages[0]);
      if (asked.includes('hold')) await this.gate.pass();
      return answerTo(call, asked);
    });
    process.env.TUTTI_TEST_KEY = 'a-key-of-the-tests';
  }

  /** What a process needs to find the model. */
  get env(): Readonly<Record<string, string>> {
    return {
      TUTTI_TEST_MODEL: (this.#server as ModelServer).baseUrl('openai'),
      TUTTI_TEST_KEY: 'a-key-of-the-tests',
    };
  }

  /** The configuration, with the model's address. */
  get configUrl(): string {
    const url = new URL(deskConfig);
    url.searchParams.set('model', String(this.env.TUTTI_TEST_MODEL));
    return url.href;
  }

  get fresh(): FreshDatabase {
    return this.#fresh as FreshDatabase;
  }

  get calls(): readonly ModelCallSeen[] {
    return (this.#server as ModelServer).calls;
  }

  get tutti(): TestEngine {
    return this.#tutti as TestEngine;
  }

  get agents(): Agents {
    return agentsOf(this.tutti.host);
  }

  get tasks(): Tasks {
    const { engine } = this.tutti;
    return tasksOf(this.tutti.host, {
      startOwn: (own) => engine.startOwn(own),
      hasModels: () => true,
    });
  }

  async start(): Promise<void> {
    this.#tutti = await openTestEngine(this.configUrl, { fresh: this.fresh, env: process.env });
  }

  tenant(slug: string): Promise<number> {
    return this.tutti.host.store.tenant(slug);
  }

  /** Puts a workflow in force that is written in YAML. */
  async publish(tenantId: number, yaml: string): Promise<void> {
    const { data, faults } = readDocument(yaml, { file: 'test' });
    if (!data) throw new Error(JSON.stringify(faults));
    const { store, registry } = this.tutti.host;
    const versions = new Versions(store.definitions, registry);
    await versions.publish({ tenantId, name: data.name, actor }, data);
  }

  /** Waits until so many calls stand at the gate. */
  async held(calls = 1): Promise<void> {
    await eventually(() => this.gate.held >= calls);
  }

  async ended(tenantId: number, id: string): Promise<unknown> {
    await eventually(async () => {
      const { endedAt } = await this.tutti.history.head(tenantId, id);
      return endedAt !== null;
    });
    return await this.tutti.history.output(tenantId, id);
  }

  /** Gives an agent a task in words and waits for what it hands in. */
  async ask(tenantId: number, agent: string, text: string) {
    const { id } = await this.tasks.start({
      ...{ tenantId, agent, text, actor },
      ...{ businessDate: '2026-06-30', timeZone: 'UTC' },
    });
    await this.ended(tenantId, id);
    return await this.tasks.view(tenantId, id);
  }

  async close(context: Mocha.Context): Promise<void> {
    this.gate.open();
    await this.#tutti?.close();
    await this.#server?.close();
    await this.#fresh?.drop(context);
  }
}

function answerTo({ instructions, messages, tools }: ModelCallSeen, asked: string) {
  const result = messages.findLast((each) => each.kind === 'result');
  const [tool] = tools;
  if (asked.includes('\\"use\\"') && tool && !result)
    return { calls: [{ name: tool.name, args: { text: 'x' } }] };
  const own = instructions.split('\n\n')[1] ?? '';
  const answer = result ? result.content : own.split(' ').at(-1);
  return { text: JSON.stringify({ answer }) };
}
