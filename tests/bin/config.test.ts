import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigRow } from '../../bin/config-rows.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, runCli, shopConfig, useCli } from './cli.ts';

describe('tutti config', function () {
  this.timeout(120_000);
  const lab = useCli(shopConfig, {
    'wrong.config.ts':
      "export default { modules: [], limitz: {}, http: { hosts: ['a b'] }, retention: { feedDays: 0 } };",
    'unfit.config.ts':
      "export default { modules: [], http: { hosts: ['a b'] }, retention: { feedDays: 0 }, mcp: { servers: { a: {}, b: {} } } };",
    'own.config.ts': `export default {
      modules: [],
      limits: { threads: 2 },
      mail: { urlFrom: 'MAIL_URL', from: 'tutti@example.com' },
      slack: { ops: 'SLACK_OPS' },
      mcp: { servers: { web: { url: 'https://mcp.example', headers: { key: 'canary-in-a-header' } } } },
      profiles: { staging: { limits: { running: 32 } } },
    };`,
    'mail-url': 'smtps://anna:canary-in-a-file@mail.example',
    'nested.config.ts': `export default {
      modules: [],
      providers: {},
      models: { standard: { provider: 'anthropic', model: 'm', baseUrl: 'https://gateway.example/' + process.env.GATEWAY_KEY } },
    };`,
    'loud.config.ts': "throw new Error('the gateway refused ' + process.env.GATEWAY_KEY);",
    'database-url': 'postgres://anna:canary-in-a-file@[no-host/books',
  });
  const env = { TUTTI_DATA: 'none' };
  const here = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    runCli({ cwd: lab.cwd, env: { ...env, ...more } }, ['config', ...args]);

  it('checks everything at once and ends with 2', async () => {
    verifies('R13.validate');
    const [right, wrong, unfit, gone] = await Promise.all([
      lab.tutti('config', 'check'),
      here(['check', '--config', 'wrong.config.ts'], { TUTTI_PORT: 'x', DATABASE_URL_FILE: '/no' }),
      here(['check', '--config', 'unfit.config.ts', '--json']),
      here(['check', '--config', 'gone.config.ts']),
    ]);

    assert.deepEqual([right.code, right.stdout], [0, 'The configuration is right.\n']);
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.match(wrong.stdout, /^limitz is not known here; did you mean 'limits'\?$/m);
    assert.match(wrong.stdout, /^The environment variable TUTTI_PORT is 'x'; give a whole number/m);
    assert.match(wrong.stdout, /^DATABASE_URL_FILE is '\/no', which cannot be read/m);
    assert.match(wrong.stdout, /^3 faults\.$/m);
    const { faults } = JSON.parse(unfit.stdout) as { readonly faults: readonly string[] };
    assert.equal(unfit.code, 2);
    assert.deepEqual(
      faults.map((fault) => /feedDays|http|'[ab]'/.exec(fault)?.[0]),
      ['feedDays', 'http', "'a'", "'b'"],
    );
    assert.match(gone.stdout, /^There is no configuration at 'gone\.config\.ts'\.\n1 fault\.$/m);
  });

  it('stops every other command by the first fault', async () => {
    const { code, stderr } = await here([], {}).then(() =>
      runCli({ cwd: lab.cwd, env }, ['modules', '--config', 'wrong.config.ts']),
    );

    assert.equal(code, 1);
    assert.match(stderr, /^CONFIG_INVALID: .*wrong\.config\.ts: limitz is not known here/);
  });

  it('shows every value with who says so, and secrets only as set or not set', async () => {
    verifies('R13.show', 'R13.environment', 'R12.secrets');
    const { code, stdout, stderr } = await here(
      ['show', '--json', '--config', 'own.config.ts', '--profile', 'staging'],
      {
        TUTTI_LOG_LEVEL: 'info',
        TUTTI_PROFILE: 'production',
        MAIL_URL_FILE: join(lab.cwd, 'mail-url'),
        SLACK_OPS: 'https://hooks.example/canary-in-a-variable',
      },
    );

    assert.equal(code, 0, stderr);
    const { values } = JSON.parse(stdout) as { readonly values: readonly ConfigRow[] };
    const by = new Map(values.map(({ path, value, source }) => [path, [value, source]]));
    assert.deepEqual(by.get('TUTTI_PROFILE'), ['staging', 'flag --profile']);
    assert.deepEqual(by.get('log.level'), ['info', 'environment TUTTI_LOG_LEVEL']);
    assert.deepEqual(by.get('limits.running'), [32, 'profile staging']);
    assert.deepEqual(by.get('limits.threads'), [2, 'file']);
    assert.deepEqual(by.get('api.port'), [4884, 'default']);
    assert.deepEqual(by.get('mcp.servers'), [['web'], 'file']);
    assert.equal(by.get('secret MAIL_URL')?.[0], `(set, by ${join(lab.cwd, 'mail-url')})`);
    assert.equal(by.get('secret SLACK_OPS')?.[0], '(set)');
    assert.equal(by.get('secret DATABASE_URL')?.[0], '(not set)');
    assert.doesNotMatch(stdout + stderr, /canary/);
  });

  describe('with a secret in what a program says', () => {
    const GATEWAY_KEY = 'canary-of-the-gateway';
    before(() => {
      process.env.GATEWAY_KEY = GATEWAY_KEY;
    });
    after(() => {
      delete process.env.GATEWAY_KEY;
    });

    it('tells it to nobody, neither in a value nor in an error', async () => {
      verifies('R12.secrets');
      const place = { cwd: lab.cwd, env: { ...env, GATEWAY_KEY } };
      const ended = await Promise.all([
        runCli(place, ['config', 'show', '--json', '--config', 'nested.config.ts']),
        runCli(place, ['config', 'check', '--config', 'loud.config.ts']),
        runCli(place, ['doctor', '--port', '0', '--config', 'loud.config.ts']),
        runCli(place, ['modules', '--config', 'loud.config.ts']),
        runCli({ ...place, env: { ...place.env, TUTTI_DEBUG: '1' } }, [
          ...['modules', '--config', 'loud.config.ts'],
        ]),
      ]);

      for (const { stdout, stderr } of ended) {
        assert.match(stdout + stderr, /\[redacted\]/);
        assert.doesNotMatch(stdout + stderr, /canary/);
      }
    });
  });

  it('says of an address of the database that cannot be read what is wrong, and not what it is', async () => {
    verifies('R13.validate', 'R12.secrets');
    const given = [
      { DATABASE_URL_FILE: join(lab.cwd, 'database-url') },
      { DATABASE_URL: 'postgres://anna:canary#1@db.example/books' },
      { DATABASE_URL: 'postgres://anna:canary/1@db.example/books' },
      { DATABASE_URL: 'postgres://anna:canary@127.0.0.1:1/books?sslrootcert=/none.crt' },
    ];
    for (const each of given) {
      const place = { cwd: lab.cwd, env: { ...env, ...each } };
      const [checked, used, doctor] = await Promise.all([
        runCli(place, ['config', 'check', '--config', shopConfig]),
        runCli(place, ['runs', '--config', shopConfig]),
        runCli(place, ['doctor', '--port', '0', '--config', shopConfig]),
      ]);

      assert.equal(checked.code, 2, checked.stdout);
      assert.match(checked.stdout, /^DATABASE_URL cannot be read/m);
      assert.match(used.stderr, /^CONFIG_INVALID: DATABASE_URL cannot be read[^\n]*\n$/);
      assert.match(doctor.stdout, /^MEND {2}Database .*CONFIG_INVALID/m);
      for (const { stdout, stderr } of [checked, used, doctor])
        assert.doesNotMatch(stdout + stderr, /canary|1@/);
    }
  });

  it('shows what is set in the database, which goes before the file', async () => {
    await lab.tutti('settings', 'breaker', '--value', '{"failures":9}');

    const { code, stdout } = await lab.tutti('config', 'show');

    assert.equal(code, 0);
    assert.match(stdout, /^breaker\.failures +9 +setting by cli:/m);
    assert.match(stdout, /^breaker\.probeMs +60000 +default$/m);
    assert.match(stdout, /^1 setting in the database: tutti settings$/m);
  });

  it('reads DATABASE_URL from a file, and shows production with its own defaults', async () => {
    writeFileSync(join(lab.cwd, 'url'), `${lab.fresh.url}\n`);

    const { code, stdout } = await here(
      ['show', '--config', fixtureConfig('echo'), '--profile', 'production'],
      { DATABASE_URL_FILE: join(lab.cwd, 'url') },
    );

    assert.equal(code, 0, stdout);
    assert.match(stdout, /^api\.keysOnly +true +default of profile production$/m);
    assert.match(stdout, /^log\.form +json +default of profile production$/m);
    assert.match(stdout, /in the database: tutti settings$/m);
  });
});
