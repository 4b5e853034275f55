import assert from 'node:assert/strict';
import type { FailureStatistics } from '../../core/engine/recovery/statistics.ts';
import { verifies } from '../support/verifies.ts';
import { shopConfig, useCli } from './cli.ts';

describe('the commands on failures', function () {
  this.timeout(180_000);
  const lab = useCli(shopConfig);
  const { tutti } = lab;

  before(async () => {
    assert.equal((await tutti('run', 'broken')).code, 1);
  });

  it('count what failed', async () => {
    verifies('R8.statistics');
    const [shown, printed, wrong] = await Promise.all([
      tutti('errors'),
      tutti('errors', '--days', '1', '--json'),
      tutti('errors', '--days', '0'),
    ]);

    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^1 try and 1 step failed in the last 7 days\.\n/);
    assert.match(shown.stdout, /^OUTPUT_INVALID +1 +1 .*AGENT_ERROR, medium$/m);
    assert.match(shown.stdout, /^shop\.breaker +1 +1 /m);
    const statistics = JSON.parse(printed.stdout) as FailureStatistics;
    assert.deepEqual([statistics.days, statistics.byCode[0]?.name], [1, 'OUTPUT_INVALID']);
    assert.equal(wrong.code, 2);
  });

  it('show, change and take back settings', async () => {
    verifies('R8.strategy-change');
    const name = 'recovery:shop.breaker';
    const rules = '[{"ways":[{"strategy":"skip"}]}]';

    const set = await tutti('settings', name, '--value', rules);
    const listed = await tutti('settings', 'list');
    const all = await tutti('settings', '--json');
    const reset = await tutti('settings', name, '--reset', '--json');

    assert.match(set.stdout, /^recovery:shop\.breaker \(set by cli:.+\): What follows a failure/);
    assert.match(
      listed.stdout,
      /^breaker +default +\{"failures":5,"probeMs":60000,"successes":3\}$/m,
    );
    assert.match(listed.stdout, /^recovery:shop\.breaker +set by cli:.* \[\{"ways"/m);
    assert.match(listed.stdout, /^2 agents more: retry as limits\.attempts says/m);
    assert.match(listed.stdout, /^Budgets have a list of their own: tutti budgets$/m);
    // Breakers, three agents; budgets of the tenant, a module and five workflows; autonomy, shadow and access.
    assert.equal(JSON.parse(all.stdout).length, 4 + 7 + 3);
    assert.equal(JSON.parse(reset.stdout).source, 'default');
  });

  it('refuse what is wrong in one line, and end with 2', async () => {
    const wrong: readonly (readonly [RegExp, readonly string[]])[] = [
      [/^SETTING_UNKNOWN: There is no setting 'colour'/, ['colour']],
      [/^INPUT_INVALID: Setting 'breaker', failures: /, ['breaker', '--value', '{"failures":-1}']],
      [/^INPUT_INVALID: .*takes JSON for --value/, ['breaker', '--value', '{']],
      [/^INPUT_INVALID: .*only with NAME/, ['--value', '1']],
      [/^INPUT_INVALID: .*one of them/, ['breaker', '--value', '{}', '--reset']],
    ];
    const ends = await Promise.all(wrong.map(([, args]) => tutti('settings', ...args)));
    ends.forEach(({ code, stdout, stderr }, index) => {
      assert.match(stderr, wrong[index]?.[0] as RegExp);
      assert.deepEqual([code, stdout], [2, '']);
    });
  });
});
