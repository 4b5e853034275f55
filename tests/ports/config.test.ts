import assert from 'node:assert/strict';
import { isEngineError } from '../../core/base/errors.ts';
import type { Config } from '../../core/ports/config.ts';
import { readyConfig, settleConfig } from '../../core/ports/settle-config.ts';
import { verifies } from '../support/verifies.ts';

const faultsOf = (file: unknown, env = {}) => settleConfig(file, env).faults;

describe('a configuration', () => {
  it('is refused with every fault at once, each with its path, what was seen and what to do', () => {
    const file = {
      modules: [],
      limits: { thread: 4, running: 'many' },
      api: { port: 70_000, hots: '::' },
      batchs: {},
      alerts: {
        rules: [{ kind: 'night_late', by: '25:00' }, { kind: 'night_latte' }],
        tenants: { acme: { rules: [{ kind: 'not_ready' }] } },
      },
      models: { fast: { provider: 'openai' }, standard: { targets: [] } },
      profiles: { production: { limits: { perRun: 0 } }, prod: {} },
    };

    const faults = faultsOf(file).join('\n');

    for (const pattern of [
      /^limits\.thread is not known here; did you mean 'threads'\?$/m,
      /^limits\.running is 'many'; give a number$/m,
      /^api\.port is 70000; give at most 65535$/m,
      /^api\.hots is not known here; did you mean 'host'\?$/m,
      /^batchs is not known here; did you mean 'batches'\?$/m,
      /^alerts\.rules\.0\.by is '25:00'; write HH:MM, 00:00 to 23:59$/m,
      /^alerts\.rules\.1\.kind is 'night_latte', which is no kind here; did you mean 'night_late'\?$/m,
      /^alerts\.tenants\.acme\.rules .*write not_ready among the rules for all: it is about an engine$/m,
      /^models\.fast\.model is missing; give a text$/m,
      /^models\.standard\.targets is a list of 0; give a list of at least 1$/m,
      /^profiles\.production\.limits\.perRun is 0; give at least 1$/m,
      /^profiles\.prod is not known here; /m,
    ])
      assert.match(faults, pattern);
    assert.equal(faults.split('\n').length, 12, faults);
  });

  it('takes no rate that lets nothing pass, or that nobody could count', () => {
    const faults = faultsOf({
      modules: [],
      tenantLimit: { requestsPerHour: 0.5 },
      modelLimits: { house: { requestsPerMinute: 1e300, burst: 1.5 } },
      api: { rates: { slow: { perMinute: 0.5 } } },
    });

    assert.deepEqual(faults.toSorted(), [
      'api.rates.slow.perMinute is 0.5; give at least 1',
      'modelLimits.house.requestsPerMinute is 1e+300; give at most 9007199254740991',
      'tenantLimit.requestsPerHour is 0.5; give at least 1',
    ]);
  });

  it('passes functions and modules as they are', () => {
    const onStepFailed = () => {};
    const module = Object.freeze({ name: 'own' });

    const config = readyConfig({ modules: [module], onStepFailed }, { env: {}, where: 'here' });

    assert.equal(config.onStepFailed, onStepFailed);
    assert.equal(config.modules[0] as unknown, module);
  });

  it('takes threads as a number or as a range, from the file and from the environment', () => {
    const [fault = ''] = faultsOf({ modules: [], limits: { threads: { least: 4, most: 2 } } });
    assert.match(fault, /^limits\.threads\.most is 2; give no fewer than `least`$/);
    assert.deepEqual(faultsOf({ modules: [], limits: { threads: true } }), [
      'limits.threads is true; give a number from 1 to 256, or { least, most }',
    ]);
    assert.deepEqual(faultsOf({ modules: [], limits: { threads: { least: 2 } } }), []);

    const threadsBy = (TUTTI_THREADS: string) => settleConfig({ modules: [] }, { TUTTI_THREADS });

    assert.deepEqual(threadsBy('1-4').config.limits, { threads: { least: 1, most: 4 } });
    assert.deepEqual(threadsBy('3').config.limits, { threads: 3 });
    assert.deepEqual(threadsBy('4-1').faults, [
      "The environment variable TUTTI_THREADS is '4-1'; give a whole number from 1 to 256, or two: 1-4.",
    ]);
  });

  it('does not repeat a password that stands in a wrong place', () => {
    const url = 'postgresql://anna:open-sesame@db/books';

    const [fault = ''] = faultsOf({ modules: [], limits: { threads: url } });

    assert.match(fault, /^limits\.threads is 'postgresql/);
    assert.doesNotMatch(fault, /open-sesame/);
  });

  it('takes the environment before the profile, the profile before the file, and the file before defaults', () => {
    verifies('R13.environment', 'R13.profiles');
    const file = {
      modules: [],
      limits: { threads: 1, running: 10, perRun: 5 },
      api: { proxies: 1 },
      profiles: { production: { limits: { threads: 2, running: 20 } } },
    } satisfies Config;

    const { config, sources, profile } = settleConfig(file, {
      TUTTI_PROFILE: 'production',
      TUTTI_THREADS: '3',
    });

    assert.equal(profile, 'production');
    assert.deepEqual(config.limits, { threads: 3, running: 20, perRun: 5 });
    assert.deepEqual(config.api, { keysOnly: true, proxies: 1 });
    assert.deepEqual(config.log, { form: 'json' });
    const kinds = ['limits.threads', 'limits.running', 'limits.perRun', 'api.keysOnly'].map(
      (path) => sources.get(path)?.kind,
    );
    assert.deepEqual(kinds, ['environment', 'profile', 'file', 'default']);
  });

  it('leaves development as the file says, and lets a file say other than its profile does by default', () => {
    const open = { modules: [], api: { keysOnly: false } };

    assert.deepEqual(settleConfig({ modules: [] }, {}).config, { modules: [] });
    assert.equal(settleConfig(open, { TUTTI_PROFILE: 'production' }).config.api?.keysOnly, false);
  });

  it('replaces what lies deeper than a member whole, so that two models are never mixed', () => {
    const file = {
      modules: [],
      models: {
        fast: { provider: 'openai-chat', model: 'own', baseUrl: 'http://127.0.0.1:9/v1' },
        deep: { provider: 'openai', model: 'deep' },
      },
      profiles: { staging: { models: { fast: { provider: 'anthropic', model: 'other' } } } },
    };

    const { config } = settleConfig(file, { TUTTI_PROFILE: 'staging' });

    assert.deepEqual(config.models, {
      fast: { provider: 'anthropic', model: 'other' },
      deep: { provider: 'openai', model: 'deep' },
    });
  });

  it('says which variables of the environment are wrong, and reads blank ones as not set', () => {
    const faults = faultsOf(
      { modules: [] },
      {
        TUTTI_PORT: 'tcp://10.0.0.1:80',
        TUTTI_PROFILE: 'prod',
        TUTTI_THREADS: ' ',
        DATABASE_URL: 'x:secret',
      },
    );

    assert.deepEqual(faults, [
      'The environment variable DATABASE_URL is not what it has to be; give an address that begins with postgresql://.',
      "The environment variable TUTTI_PROFILE is 'prod'; give one of development, staging, production.",
      "The environment variable TUTTI_PORT is 'tcp://10.0.0.1:80'; give a whole number from 0 to 65535.",
    ]);
  });

  it('has nothing of a part that is switched off', () => {
    verifies('R13.flags');
    const file = { modules: [], alerts: { rules: [] }, batches: { enabled: true, gatherMs: 5 } };

    const { config } = settleConfig({ ...file, features: { alerts: false, batches: false } }, {});

    assert.equal(config.alerts, undefined);
    assert.deepEqual(config.batches, { enabled: false, gatherMs: 5 });
  });

  it('is refused by one error that names the first fault and says where the others are', () => {
    const read = () => readyConfig({ modules: [], a: 1, b: 2 }, { env: {}, where: 'own.ts' });

    assert.throws(read, (error) => {
      assert.ok(isEngineError(error));
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /^own\.ts: a is not known here; .* 1 more: tutti config check$/s);
      return true;
    });
  });
});
