import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ModuleLoadView } from '../../core/engine/modules/module-loads.ts';
import { json } from '../service/api/api.ts';
import { briefly } from '../support/brief-flags.ts';
import { booksDatabase } from '../support/company.ts';
import { eventually } from '../support/eventually.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { queryAll } from '../support/rows.ts';
import { scratchFolder } from '../support/scratch.ts';
import { type ServedProcess, startServed } from '../support/served-process.ts';
import { verifies } from '../support/verifies.ts';

/** A module whose agent ends at once, or waits until it is cancelled. */
const moduleOf = (
  name: string,
) => `import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
const say = defineAgent({
  name: 'say',
  purpose: 'Says nothing.',
  input: z.object({ wait: z.boolean() }),
  output: z.object({}),
  tools: {},
  instructions: 'Say it.',
}).playbook(async ({ input, signal }) => {
  signal.throwIfAborted();
  if (input.wait)
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  return {};
});
export const ${name} = defineModule({
  name: '${name}',
  version: '1.0.0',
  agents: [say],
  workflows: [
    defineWorkflow({
      name: '${name}_say',
      input: z.object({ wait: z.boolean() }),
      graph: ({ input, task }) => void task({ id: 'say', agent: say, input: { wait: input.wait } }),
    }),
  ],
});
`;
const configOf = (place: string) => `import { defineConfig } from 'tutti';
import { plain } from './plain.ts';
export default defineConfig({
  modules: [plain],
  loadable: { guard: '${place}' },
  limits: { threads: 1 },
});
`;

type Server = ServedProcess & { readonly id: string };

describe('modules that are loaded while several engines run', function () {
  this.timeout(300_000);
  const root = join(import.meta.dirname, '../..');
  const folder = scratchFolder({
    'package.json': '{"type": "module"}',
    'plain.ts': moduleOf('plain'),
    'guard/index.ts': moduleOf('guard'),
    'tutti.config.ts': configOf('./guard/index.ts'),
    'lacking.config.ts': configOf('./gone/index.ts'),
  });
  const servers: Server[] = [];
  let fresh: FreshDatabase;

  before(async () => {
    mkdirSync(join(folder.path, 'node_modules'));
    symlinkSync(root, join(folder.path, 'node_modules/tutti'), 'junction');
    fresh = await booksDatabase();
  });
  after(async function () {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map(({ ended }) => ended));
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  const query = <T extends object>(text: string, values: readonly unknown[] = []) =>
    queryAll<T>(fresh.database, text, values);
  const enginesOf = async () =>
    (await query<{ id: string }>(`SELECT id FROM tutti.engine WHERE state <> 'gone'`)).map(
      ({ id }) => id,
    );

  /** A server with the id of its engine. */
  async function serve(config = 'tutti.config.ts'): Promise<Server> {
    const known = await enginesOf();
    const env = { DATABASE_URL: fresh.url };
    const served = await startServed({ config, cwd: folder.path, env, flags: briefly });
    const [id = ''] = (await enginesOf()).filter((each) => !known.includes(each));
    const server = { ...served, id };
    servers.push(server);
    return server;
  }

  async function stop(server: Server, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    servers.splice(servers.indexOf(server), 1);
    server.kill(signal);
    await server.ended;
  }

  let keys = 0;
  const post = (server: Server, path: string, body: object = {}) =>
    fetch(`${server.url}/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `ask-${++keys}` },
      body: JSON.stringify(body),
    });
  async function start(server: Server, workflow: string, wait: boolean): Promise<string> {
    const answer = await post(server, 'runs', { workflow, input: { wait } });
    assert.equal(answer.status, 202);
    return (await json<{ id: string }>(answer)).id;
  }
  const runOf = async (id: string) =>
    (
      await query<{ status: string; owner: string | null; ended: boolean }>(
        'SELECT status, owner, ended_at IS NOT NULL AS ended FROM tutti.run WHERE id = $1',
        [id],
      )
    )[0];
  const ended = (id: string) =>
    eventually(async () => {
      const run = await runOf(id);
      return run?.ended ? run.status : null;
    });
  const ownedBy = (id: string, owners: readonly Server[]) =>
    eventually(async () => {
      const run = await runOf(id);
      return owners.find((each) => each.id === run?.owner);
    });
  /** What engines say of the module, as a server tells it: by their ids. */
  async function statesAt(server: Server): Promise<Readonly<Record<string, string>>> {
    const told = await fetch(`${server.url}/v1/modules`);
    const { loads } = await json<{ loads: readonly ModuleLoadView[] }>(told);
    const engines = loads.find(({ name }) => name === 'guard')?.engines ?? [];
    return Object.fromEntries(
      engines.map(({ id, state, generation, error }) => [
        id,
        `${state} ${generation}${error === null ? '' : ` ${error.message}`}`,
      ]),
    );
  }

  it('are had by all of them, and their runs go on at whichever has them', async () => {
    verifies('R3.register-runtime', 'R13.several-engines', 'R9.take-over');
    const [one, two] = [await serve(), await serve()];
    assert.equal((await post(one, 'modules', { name: 'guard' })).status, 202);
    // Nobody asks for it at the other: a run of it may be there before the other has looked.
    const first = await Promise.all([1, 2, 3, 4, 5, 6].map(() => start(one, 'guard_say', false)));
    for (const id of first) assert.equal(await ended(id), 'succeeded');
    const both = { [one.id]: 'loaded 1', [two.id]: 'loaded 1' };
    await eventually(async () => Object.keys(await statesAt(two)).length === 2);
    assert.deepEqual(await statesAt(two), both);
    assert.deepEqual(await statesAt(one), both);

    assert.equal(await ended(await start(two, 'guard_say', false)), 'succeeded');
    const waiting = await start(one, 'guard_say', true);
    const owner = await ownedBy(waiting, [one, two]);
    const left = owner === one ? two : one;
    await stop(owner, 'SIGKILL');

    assert.equal(await ownedBy(waiting, [left]), left);
    await post(left, `runs/${waiting}/cancel`);
    assert.equal(await ended(waiting), 'cancelled');
  });

  it('are told as failed by an engine that lacks their files, which leaves their runs to others, and go everywhere', async () => {
    verifies('R3.register-runtime', 'R13.several-engines');
    // The one that is left.
    const [rich] = servers as [Server];
    const lacking = await serve('lacking.config.ts');
    await eventually(async () => Object.keys(await statesAt(rich)).length === 2);
    const states = await statesAt(rich);
    assert.equal(states[rich.id], 'loaded 1');
    assert.match(states[lacking.id] ?? '', /^failed 1 Module 'guard': .*gone.index\.ts/);
    const refused = await post(lacking, 'runs', { workflow: 'guard_say', input: {} });
    assert.equal(refused.status, 404);

    const waiting = await start(rich, 'guard_say', true);
    await ownedBy(waiting, [rich]);
    await stop(rich, 'SIGTERM');
    // It takes up what is there, in order, and the other run was there before.
    assert.equal(await ended(await start(lacking, 'plain_say', false)), 'succeeded');
    assert.deepEqual(await runOf(waiting), { status: 'running', owner: null, ended: false });

    const again = await serve();
    await ownedBy(waiting, [again]);
    const removed = await fetch(`${lacking.url}/v1/modules/guard`, {
      method: 'DELETE',
      headers: { 'idempotency-key': 'unload' },
    });
    assert.equal(removed.status, 202);
    await eventually(async () => (await statesAt(lacking))[again.id] === 'leaving 1');
    await post(again, `runs/${waiting}/cancel`);
    assert.equal(await ended(waiting), 'cancelled');
    await eventually(async () => Object.keys(await statesAt(lacking)).length === 0);
    assert.equal((await post(again, 'runs', { workflow: 'guard_say', input: {} })).status, 404);
  });
});
