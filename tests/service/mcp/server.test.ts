import assert from 'node:assert/strict';
import { type Client, Client as CurrentClient } from '@modelcontextprotocol/client';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { connect, connectFormer, dataOf, type ServedMcp, serveMcpHere } from './served.ts';

interface Listed<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
interface RunTold {
  readonly id: string;
  readonly status: string;
  readonly goal: string | null;
  readonly isNew: boolean;
  readonly output?: unknown;
}
type Arguments = Readonly<Record<string, unknown>>;
type AnyClient = Pick<Client, 'close'> & {
  callTool(asked: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
};

const eras = [
  { era: '2026-07-28', open: connect },
  { era: '2025-11-25', open: connectFormer as unknown as typeof connect },
] as const;

describe('the MCP server', () => {
  let served: ServedMcp;
  let clients: readonly Client[];

  before(async () => {
    served = await serveMcpHere();
    clients = await Promise.all(eras.map(({ open }) => open(served.url)));
  });
  after(async function () {
    await Promise.all(clients.map((client) => client.close()));
    assert.deepEqual(served.errors, []);
    await served.close(this);
  });

  const call = async <T = Arguments>(client: AnyClient, name: string, args: Arguments = {}) =>
    dataOf<T>(await client.callTool({ name, arguments: { ...args } }));
  const modern = () => clients[0] as Client;
  const statusOf = async (run: string) =>
    (await call<RunTold>(modern(), 'get_run', { run })).status;

  for (const [index, { era }] of eras.entries()) {
    describe(`for clients of ${era}`, () => {
      const client = () => clients[index] as Client;

      it('lists the same twice, by name, without a tool that decides for people', async () => {
        verifies('R5.mcp-server');
        const once = await client().listTools();
        const again = await client().listTools();

        assert.deepEqual(again.tools, once.tools);
        const names = once.tools.map(({ name }) => name);
        assert.deepEqual(names, [
          ...['cancel_run', 'explain_run', 'get_approval', 'get_run', 'get_workflow'],
          ...['list_agents', 'list_approvals', 'list_effects', 'list_findings'],
          ...['list_proposals', 'list_runs', 'list_workflows', 'start_run', 'tool_desk_bell_wait'],
          ...['tool_desk_drawer_open', 'tool_desk_note_file', 'tool_desk_note_post'],
          'tool_desk_value_read',
        ]);
        const resources = await client().listResources();
        assert.deepEqual((await client().listResources()).resources, resources.resources);
        const uris = resources.resources.map(({ uri }) => uri);
        assert.deepEqual(
          uris,
          ['ask', 'chorus', 'held'].map((name) => `tutti://workflows/${name}`),
        );
      });

      it('says what its tools do', async () => {
        const { tools } = await client().listTools();
        const of = (name: string) => tools.find((tool) => tool.name === name);

        assert.equal(of('list_runs')?.annotations?.readOnlyHint, true);
        assert.equal(of('tool_desk_value_read')?.annotations?.readOnlyHint, true);
        assert.deepEqual(of('tool_desk_note_file')?.annotations, {
          ...{ readOnlyHint: false, destructiveHint: true },
          ...{ idempotentHint: true, openWorldHint: true },
        });
        const { properties, required } = of('tool_desk_note_file')?.inputSchema ?? {};
        assert.deepEqual(Object.keys(properties ?? {}), ['value', 'idempotencyKey']);
        assert.deepEqual(required, ['value', 'idempotencyKey']);
      });

      it('runs a workflow and waits for what it brings', async () => {
        const run = await call<RunTold>(client(), 'start_run', {
          ...{ workflow: 'chorus', key: `waits ${era}`, waitSeconds: 50 },
          ...{ input: { values: ['a', 'b', 'c'] }, goal: 'Hear three voices.' },
        });

        assert.deepEqual([run.status, run.goal], ['succeeded', 'Hear three voices.']);
        assert.deepEqual(run.output, { said: ['a', 'b', 'c'].map((value) => ({ value })) });
      });

      it('tells whoever waits how far the run is', async () => {
        const told: Progress[] = [];
        const options = { onprogress: (each: Progress) => void told.push(each) };
        const key = `tells ${era}`;
        const asked = { workflow: 'held', key, waitSeconds: 60 };
        const waiting = callTelling(client(), { name: 'start_run', arguments: asked }, options);
        await eventually(() => told.some(({ message }) => message === '1 of 2 agents, 1 finding'));

        const { id } = await call<RunTold>(client(), 'start_run', { workflow: 'held', key });
        await call(client(), 'cancel_run', { run: id });

        assert.equal(dataOf<RunTold>(await waiting).status, 'cancelled');
        const steps = told.map(({ progress }) => progress);
        assert.deepEqual(
          steps,
          [...new Set(steps)].sort((a, b) => a - b),
        );
        assert.equal(told.at(-1)?.total, 2);
      });

      it('starts one run for a key, however often it is asked', async () => {
        const asked = {
          ...{ workflow: 'chorus', key: `once ${era}`, businessDate: '2026-06-29' },
          input: { values: ['a'] },
        };
        const first = await call<RunTold>(client(), 'start_run', asked);
        const second = await call<RunTold>(client(), 'start_run', asked);
        const other = await call(client(), 'start_run', { ...asked, input: { values: [] } });

        assert.deepEqual([first.isNew, second.isNew, second.id], [true, false, first.id]);
        assert.equal(other.code, 'KEY_REUSED');
      });

      it('calls a tool of a module as a run of one step', async () => {
        const said = await call(client(), 'tool_desk_value_read', { value: 'x' });

        assert.deepEqual(said.result, { value: 'x' });
        const { workflow, actor } = await runRow(served, String(said.run));
        assert.equal(workflow, 'tool:desk.value.read');
        assert.deepEqual(actor, { kind: 'agent', id: 'mcp', onBehalfOf: ['local'] });
        const refused = await call(client(), 'tool_desk_value_read', { value: 7 });
        assert.equal(refused.code, 'INPUT_INVALID');
      });

      it('reads workflows, reports and findings as resources', async () => {
        const run = await call<RunTold>(client(), 'start_run', {
          ...{ workflow: 'chorus', key: `read ${era}`, waitSeconds: 50 },
          input: { values: ['a'] },
        });
        const read = async (uri: string) => {
          const { contents } = await client().readResource({ uri });
          return (contents[0] as { readonly text: string }).text;
        };

        assert.match(await read('tutti://workflows/chorus'), /^name: chorus\n/);
        assert.match(await read(`tutti://runs/${run.id}/report`), /chorus succeeded/);
        assert.equal(JSON.parse(await read(`tutti://runs/${run.id}/findings`)).length, 1);
        await assert.rejects(read('tutti://runs/none/report'), /not found/);
        await assert.rejects(read('tutti://workflows/none'), /not found/);
      });
    });
  }

  it('offers tools of modules by their access, not to whoever is called anything', async () => {
    const opened = await call(modern(), 'tool_desk_drawer_open', { value: 'x' });
    assert.deepEqual(opened.result, { value: 'x' });
    await assert.rejects(call(modern(), 'tool_desk_safe_open', { value: 'x' }), /not found/);
  });

  it('proposes what a tool would do for callers from outside, unless a policy grants that', async () => {
    const key = { value: 'a', idempotencyKey: 'effects' };
    const filed = await call<{ readonly result: { readonly kind: string } }>(
      ...[modern(), 'tool_desk_note_file', key],
    );
    const posted = await call<{ readonly result: { readonly kind: string } }>(
      ...[modern(), 'tool_desk_note_post', key],
    );

    assert.equal(filed.result.kind, 'proposed');
    assert.equal(posted.result.kind, 'applied');
    const { items } = await call<Listed<{ readonly tool: string }>>(modern(), 'list_proposals');
    assert.deepEqual(new Set(items.map(({ tool }) => tool)), new Set(['desk.note.file']));
    const effects = await call<Listed<{ readonly tool: string }>>(modern(), 'list_effects');
    assert.deepEqual(new Set(effects.items.map(({ tool }) => tool)), new Set(['desk.note.post']));
  });

  it('finds the first outcome of an effect under its key', async () => {
    const asked = { value: 'again', idempotencyKey: 'twice' };
    const first = await call(modern(), 'tool_desk_note_post', asked);
    const second = await call(modern(), 'tool_desk_note_post', asked);
    const other = await call(modern(), 'tool_desk_note_post', { ...asked, value: 'else' });
    const keyless = await call(modern(), 'tool_desk_note_post', { value: 'again' });

    assert.deepEqual(second, first);
    assert.equal(other.code, 'KEY_REUSED');
    assert.equal(keyless.code, 'INPUT_INVALID');
  });

  it('takes what a caller gives as text from outside', async () => {
    const { id } = await call<RunTold>(modern(), 'start_run', {
      ...{ workflow: 'chorus', key: 'trust', waitSeconds: 50, input: { values: ['a'] } },
    });
    const steps = await served.tutti.history.steps(served.tenantId, id);
    const said = steps.find(({ agent }) => agent === 'desk.say');
    assert.equal(said?.trust, 'external');
  });

  it('shows what people are asked, and decides nothing', async () => {
    const run = await call<RunTold>(modern(), 'start_run', { workflow: 'ask', key: 'ask' });
    const asked = await eventually(async () => {
      const { items } = await call<Listed<{ readonly id: string }>>(modern(), 'list_approvals', {
        ...{ run: run.id, state: 'open' },
      });
      return items[0];
    });

    const shown = await call(modern(), 'get_approval', { approval: asked.id });
    assert.match(String(shown.howToDecide), /People decide it/);
    const words = /approv|decid|grant|refus|settle/;
    const { tools } = await modern().listTools();
    const deciding = tools.filter(
      ({ name, annotations }) => words.test(name) && !annotations?.readOnlyHint,
    );
    assert.deepEqual(deciding, []);
    for (const name of ['decide_approval', 'approve', 'get_approval']) {
      const args = { approval: asked.id, decision: 'granted' };
      await call(modern(), name, args).catch(() => null);
    }
    const after = await call(modern(), 'get_approval', { approval: asked.id });
    assert.deepEqual([after.state, after.votes], ['open', []]);
    await call(modern(), 'cancel_run', { run: run.id });
  });

  it('explains a run, and ends it when asked to', async () => {
    const { id } = await call<RunTold>(modern(), 'start_run', { workflow: 'held', key: 'ends' });
    const told = await call(modern(), 'explain_run', { run: id });
    assert.equal(told.runId, id);

    await call(modern(), 'cancel_run', { run: id });

    await eventually(async () => (await statusOf(id)) === 'cancelled');
    assert.equal((await call(modern(), 'cancel_run', { run: id })).status, 'cancelled');
    assert.equal((await call(modern(), 'get_run', { run: 'none' })).code, 'RUN_UNKNOWN');
  });

  it('lists runs page by page, and agents and workflows', async () => {
    const first = await call<Listed<{ readonly id: string }>>(modern(), 'list_runs', { limit: 1 });
    const second = await call<Listed<{ readonly id: string }>>(modern(), 'list_runs', {
      ...{ limit: 1, cursor: first.next },
    });
    const agents = await call<Listed<{ readonly name: string }>>(modern(), 'list_agents');
    const none = await call<Listed<unknown>>(modern(), 'list_agents', { module: 'none' });

    assert.notEqual(second.items[0]?.id, first.items[0]?.id);
    assert.deepEqual(
      agents.items.map(({ name }) => name),
      ['desk.hold', 'desk.say'],
    );
    assert.deepEqual(none.items, []);
    const shown = await call(modern(), 'get_workflow', { name: 'chorus' });
    assert.deepEqual(Object.keys((shown.input as { properties: object }).properties), ['values']);
  });

  describe('whose request is cancelled', () => {
    const abort = async (asked: Arguments) => {
      const cancelled = new AbortController();
      const { id } = asked as { readonly id?: string };
      const key = String(asked.key);
      const waiting = modern()
        .callTool(
          { name: 'start_run', arguments: { workflow: 'held', waitSeconds: 60, ...asked } },
          { signal: cancelled.signal },
        )
        .catch(() => null);
      const run = await eventually(async () => {
        const rows = await served.tutti.history.runs(served.tenantId);
        return rows.find((row) => row.id === id || row.key === key);
      });
      await eventually(async () => (await statusOf(run.id)) === 'running');
      cancelled.abort();
      await waiting;
      return run.id;
    };

    it('ends the run that it started when it was asked to', async () => {
      const id = await abort({ key: 'aborts', cancelOnAbort: true });
      await eventually(async () => (await statusOf(id)) === 'cancelled');
    });

    it('leaves the run alone by default, and one that another request started', async () => {
      const left = await abort({ key: 'stays' });
      const others = await abort({ key: 'stays', cancelOnAbort: true });

      assert.equal(others, left);
      // Whatever the server made of them, it has by the time that it has answered another request and its run.
      await call(modern(), 'tool_desk_value_read', { value: 'x' });
      assert.equal(await statusOf(left), 'running');
      await call(modern(), 'cancel_run', { run: left });
      await eventually(async () => (await statusOf(left)) === 'cancelled');
    });

    it('ends a tool that only reads', async () => {
      const cancelled = new AbortController();
      const waiting = modern()
        .callTool({ name: 'tool_desk_bell_wait', arguments: {} }, { signal: cancelled.signal })
        .catch(() => null);
      const run = await eventually(async () => {
        const rows = await served.tutti.history.runs(served.tenantId);
        return rows.find((row) => row.workflow === 'tool:desk.bell.wait');
      });
      await eventually(async () => (await statusOf(run.id)) === 'running');

      cancelled.abort();
      await waiting;

      await eventually(async () => (await statusOf(run.id)) === 'cancelled');
    });
  });
});

interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** A call whose progress is told; the client of the release before takes a schema between call and options. */
function callTelling(
  client: Client,
  asked: { readonly name: string; readonly arguments: Record<string, unknown> },
  options: { readonly onprogress: (each: Progress) => void },
): Promise<unknown> {
  if (client instanceof CurrentClient) return client.callTool(asked, options);
  const former = client as { callTool(...of: readonly unknown[]): Promise<unknown> };
  return former.callTool(asked, undefined, options);
}

async function runRow({ tutti, tenantId }: ServedMcp, id: string) {
  const pool = tutti.host.database.pool('tutti_engine', 1);
  const { rows } = await pool.query<{ readonly workflow: string; readonly actor: unknown }>(
    'SELECT workflow, actor FROM tutti.run WHERE tenant_id = $1 AND id = $2',
    [tenantId, id],
  );
  return rows[0] as (typeof rows)[number];
}
