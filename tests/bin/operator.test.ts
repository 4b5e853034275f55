import assert from 'node:assert/strict';
import type { AuditView } from '../../core/engine/audit/log.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('who a command is in the record', function () {
  this.timeout(180_000);
  const { tutti } = useCli(fixtureConfig('contract'));

  it('is the account, for the person whom --as names, whatever the command', async () => {
    verifies('R12.audit');
    const calls = [
      ['agent', 'create', '--name', 'own_looker', '--template', 'desk.looker', '--tools', ''],
      ['tools', 'grant', 'desk.ticket.read', '--agent', 'desk.looker'],
      ['hooks', 'pause', 'desk.opened'],
      ['hooks', 'resume', 'desk.opened'],
      ['delegate', 'eve', '--until', '2099-12-31'],
      ['run', 'chorus', '--input', '{"values":[]}'],
    ];
    for (const call of calls) {
      const { code, stderr } = await tutti(...call, '--as', 'Anna');
      assert.equal(code, 0, `${call.join(' ')}: ${stderr}`);
    }

    const rows = JSON.parse((await tutti('audit', '--json')).stdout) as readonly AuditView[];
    assert.ok(rows.length >= calls.length, JSON.stringify(rows));
    for (const { action, actor } of rows) {
      assert.match(actor.id, /^cli:./, action);
      assert.deepEqual(actor.onBehalfOf, ['anna'], action);
    }
  });
});
