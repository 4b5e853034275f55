import assert from 'node:assert/strict';
import { defineHook, defineModule, defineWorkflow, type Hook, z } from '../../core/index.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { compileHooks } from '../../core/service/hooks/compile.ts';
import config from '../../tutti.config.ts';

const note = defineWorkflow({
  name: 'note',
  input: z.object({ word: z.string() }),
  graph: () => {},
});
const usual = { name: 'noted', about: 'Notes.', workflow: note } as const;
const input = { word: { cel: 'record.code' } };

/** What is said of a module with this hook. */
function faultOf(hook: Hook): string {
  const module = defineModule({
    ...{ name: 'lab', version: '1.0.0', workflows: [note], hooks: [hook] },
  });
  try {
    compileHooks(loadRegistry({ modules: [module] }, sharedEntities));
    return '';
  } catch (error) {
    const { code, message } = error as { readonly code: string; readonly message: string };
    assert.equal(code, 'MODULE_INVALID');
    return message;
  }
}

describe('hooks of the modules', () => {
  it('fit the entities that they listen to and the workflows that they start', () => {
    const compiled = compileHooks(loadRegistry(config, sharedEntities));

    const modules = new Set([...compiled.values()].map(({ module }) => module));
    assert.deepEqual([...modules].sort(), ['compliance', 'finance', 'hr', 'inventory']);
  });

  it('ask of the record, and map it to the input', () => {
    const hook = compileHooks(loadRegistry(config, sharedEntities)).get('compliance.bank_changed');
    const event = {
      ...{ entity: 'bank_account', id: '1', version: '2', type: null, source: 'sweep' },
      ...{ key: 'k', time: null, data: null },
    };
    const account = { id: '1', version: '2', party: '7', verified: false };

    assert.equal(hook?.holds({ event, record: account }), true);
    assert.equal(hook?.holds({ event, record: { ...account, party: null } }), false);
    assert.deepEqual(hook?.inputOf({ event, record: account }), { party: '7' });
  });
});

describe('a hook', () => {
  it('is refused before anything starts, with what is wrong in it', () => {
    const company = { ...usual, entity: 'company' as const, input };

    assert.equal(faultOf(defineHook(company)), '');
    assert.match(faultOf(defineHook({ ...company, when: 'record.' })), /lab.noted.*no valid CEL/);
    assert.match(faultOf(defineHook({ ...company, when: 'record.nom == "x"' })), /'nom'/);
    assert.match(faultOf(defineHook({ ...company, when: 'record.code' })), /when/);
    assert.match(faultOf(defineHook({ ...company, input: {} })), /input.*word/);
    assert.match(faultOf(defineHook({ ...company, input: { word: 3 } })), /input/);
    assert.match(faultOf(defineHook({ ...usual, input })), /entity.*or types must say/);
    assert.match(faultOf(defineHook({ ...company, edge: 'becomes' })), /edge/);
    assert.match(faultOf(defineHook({ ...company, debounceMs: -1 })), /debounceMs/);
    assert.match(faultOf({ ...defineHook(company), entity: 'planet' }), /'planet'/);
    assert.match(faultOf({ ...defineHook(company), workflow: 'none' }), /'none'/);
  });
});
