import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** A message that a server of the lab got, or its start. */
export interface Heard {
  readonly started?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** An engine with threads, whose servers write down all that they get. */
export class McpLab {
  readonly tutti: TestEngine;
  readonly tenantId: number;
  readonly #folder: ReturnType<typeof scratchFolder>;
  /** How much each server had got when the test began. */
  #began: Readonly<Record<string, number>> = {};

  constructor(tutti: TestEngine, tenantId: number, folder: ReturnType<typeof scratchFolder>) {
    this.tutti = tutti;
    this.tenantId = tenantId;
    this.#folder = folder;
  }

  static async open(): Promise<McpLab> {
    const folder = scratchFolder({});
    process.env.TUTTI_MCP_LAB = folder.path;
    // Loaded once in a process, and each lab has a folder of its own.
    const config = new URL('./fixtures/mcp.config.ts', import.meta.url);
    config.searchParams.set('folder', folder.path);
    const tutti = await openTestEngine(config);
    return new McpLab(tutti, await tutti.host.store.tenant('mcp'), folder);
  }

  path(name: string): string {
    return join(this.#folder.path, name);
  }

  /** A test begins with the engine and the servers that others have used: what came before does not count. */
  begin(): void {
    const servers = ['first', 'second', 'third'];
    this.#began = Object.fromEntries(servers.map((name) => [name, this.#all(name).length]));
  }

  /** What a server has got since the test began, its starts included. */
  heard(server: string): readonly Heard[] {
    return this.#all(server).slice(this.#began[server]);
  }

  #all(server: string): readonly Heard[] {
    const log = this.path(`${server}.log`);
    if (!existsSync(log)) return [];
    // The server may be in the middle of a line, or have opened the file and no more.
    const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Heard);
  }

  starts(server: string): number {
    return this.heard(server).filter(({ started }) => started !== undefined).length;
  }

  /** The parameters of the calls that a server has got, as they came. */
  calls(server: string): readonly NonNullable<Heard['params']>[] {
    return this.heard(server).flatMap(({ method, params }) =>
      method === 'tools/call' && params ? [params] : [],
    );
  }

  async run(workflow: string, input: unknown = {}) {
    return await this.tutti.run(workflow, { tenantId: this.tenantId, input });
  }

  /** Codes of the steps that have failed, by node, with how often they were tried. */
  async failures(runId: string): Promise<Readonly<Record<string, string>>> {
    const steps = await this.tutti.history.steps(this.tenantId, runId);
    const failed = steps.filter(({ status }) => status === 'failed');
    return Object.fromEntries(
      failed.map(({ node, attempt, error }) => [node, `${error?.code} after ${attempt}`]),
    );
  }

  async close(context: Mocha.Context): Promise<void> {
    await this.tutti.close(context);
    this.#folder[Symbol.dispose]();
  }
}
