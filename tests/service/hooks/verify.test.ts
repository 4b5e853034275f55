import assert from 'node:assert/strict';
import type { HookVerification } from '../../../core/ports/hooks-config.ts';
import { openSources } from '../../../core/service/hooks/sources.ts';
import { type Post, verifierOf } from '../../../core/service/hooks/verify.ts';
import { hookSecrets } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';

const body = '{"type":"bill.created","data":{"id":"B-1"}}';
/** 2026-06-30T20:00:00Z */
const seconds = 1_782_849_600;
const { HOOK_KEY: key, HOOK_OLD_KEY: oldKey } = hookSecrets;
// Made with Python's hmac module, not with what is tested.
const ofKey = 'v1,FnemXAKpRd3fd3mDz2TWiu80yHyj+hO6JtkyQroXINM=';
const ofOldKey = 'v1,OxSvHEbH+OPjNsx/izm5x0R/uvRO+/dQFXxzOGlU37M=';
const frappeBody =
  '{"doctype": "Purchase Invoice", "name": "ACC-PINV-2026-00001", "modified": "2026-06-30 20:00:00.000000"}';

describe('verify', () => {
  it('takes Standard Webhooks of either key, and of several signatures any that fits', () => {
    verifies('R12.signing');
    const both = verifierOf({ kind: 'standard-webhooks', secretEnv: [] }, [key, oldKey]);
    const signatures = [ofKey, ofOldKey, `v1a,AAAA v1,bad ${ofKey}`, `${ofOldKey} v2,x`];

    const verdicts = signatures.map((each) => both(post(standard(each))));

    assert.deepEqual(verdicts, Array(4).fill({ kind: 'genuine', id: 'msg_1' }));
  });

  it('refuses Standard Webhooks of a key that has gone, of another body, id or time, and without headers', () => {
    const one = verifierOf({ kind: 'standard-webhooks', secretEnv: [] }, [key]);
    const refused = [
      post(standard(ofOldKey)),
      post(standard(ofKey), `${body} `),
      post({ ...standard(ofKey), 'webhook-id': 'msg_2' }),
      post({ ...standard(ofKey), 'webhook-timestamp': String(seconds + 1) }),
      post({ ...standard(ofKey), 'webhook-timestamp': `${seconds}.0` }),
      post({ ...standard(ofKey), 'webhook-signature': ofKey.slice(3) }),
      post({ ...standard(ofKey), 'webhook-signature': 'v1,' }),
      post({ ...standard(ofKey), 'webhook-signature': '' }),
      post({}),
    ];

    assert.deepEqual(
      refused.map((each) => one(each).kind),
      refused.map(() => 'refused'),
    );
  });

  it('takes what was sent exactly five minutes ago or ahead, and nothing a millisecond beyond', () => {
    const one = verifierOf({ kind: 'standard-webhooks', secretEnv: [] }, [key]);
    const at = (ms: number): string =>
      one({ ...post(standard(ofKey)), now: seconds * 1_000 + ms }).kind;

    assert.deepEqual([-300_001, -300_000, 0, 300_000, 300_001].map(at), [
      'refused',
      'genuine',
      'genuine',
      'genuine',
      'refused',
    ]);
  });

  it('takes what Frappe signs, over the bytes that it sent', () => {
    const frappe = verifierOf({ kind: 'frappe', secretEnv: '' }, [hookSecrets.FRAPPE_SECRET]);
    const headers = {
      'x-frappe-webhook-signature': 'rWzjupWCfSVAeq6+wcFlHNVw++EOfzaxTylvtrWeV8M=',
    };
    const compact = JSON.stringify(JSON.parse(frappeBody));

    assert.equal(frappe(post(headers, frappeBody)).kind, 'genuine');
    assert.equal(frappe(post(headers, compact)).kind, 'refused');
    assert.equal(frappe(post({}, frappeBody)).kind, 'refused');
  });

  it('takes any HMAC by header, algorithm, encoding, prefix and what is signed', () => {
    const timed = hmac({
      header: 'X-Signature',
      prefix: 'sha256=',
      signs: '{timestamp}.{body}',
      timestamp: { header: 'X-Time' },
    });
    const mac = '960e69fc17ae6822f413d390660c458249bec94203e5ba313116f304787a6696';
    const headers = { 'x-signature': `sha256=${mac}`, 'x-time': String(seconds) };
    const plain = hmac({ header: 'Sig', algorithm: 'sha512', encoding: 'base64' });
    const sig =
      '2LvETxeOkVdsZin+M3QyZaeaI3vyNfP61EJ+0eKqYYmd0qvZS/PWKDC24oO4iRm5DNTrbopa0Bjhg85K4vxckA==';

    assert.equal(timed(post(headers)).kind, 'genuine');
    assert.equal(
      timed(post({ ...headers, 'x-signature': `sha256=${mac.toUpperCase()}` })).kind,
      'genuine',
    );
    assert.equal(timed(post({ ...headers, 'x-signature': mac })).kind, 'refused');
    assert.equal(timed(post({ ...headers, 'x-time': String(seconds - 1) })).kind, 'refused');
    assert.equal(timed({ ...post(headers), now: (seconds + 301) * 1_000 }).kind, 'refused');
    assert.equal(plain(post({ sig })).kind, 'genuine');
    assert.equal(plain(post({ sig: sig.toUpperCase() })).kind, 'refused');
  });

  it('takes a token in the address or in a header, whichever is configured', () => {
    const token = hookSecrets.ODOO_TOKEN;
    const inQuery = verifierOf({ kind: 'token', secretEnv: '' }, [token]);
    const inHeader = verifierOf({ kind: 'token', secretEnv: '', header: 'Authorization' }, [token]);
    const asked = (query: string): Post => ({ ...post({}), query: new URLSearchParams(query) });

    assert.equal(inQuery(asked(`token=${token}`)).kind, 'genuine');
    assert.equal(inQuery(asked(`token=${token}x`)).kind, 'refused');
    assert.equal(inQuery(asked('')).kind, 'refused');
    assert.equal(inHeader(post({ authorization: `Bearer ${token}` })).kind, 'genuine');
    assert.equal(inHeader(asked(`token=${token}`)).kind, 'refused');
  });
});

describe('openSources', () => {
  const open = (verify: object, env: NodeJS.ProcessEnv = { S: 'a-secret-of-24-characters' }) =>
    openSources({ sources: { erp: { verify: verify as HookVerification } } }, env);

  it('refuses what is not set, too short, or no key, and never says what it is', () => {
    const secret = 'whsec_not*base64*at*all';
    const refused = (run: () => unknown, says: RegExp): void =>
      assert.throws(run, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CONFIG_INVALID');
        assert.match(error.message, says);
        return !error.message.includes('not*base64');
      });

    refused(() => open({ kind: 'frappe', secretEnv: 'NONE' }), /names NONE, which is not set/);
    refused(() => open({ kind: 'frappe', secretEnv: 'S' }, { S: 'short' }), /shorter than 16/);
    refused(() => open({ kind: 'standard-webhooks', secretEnv: 'S' }, { S: secret }), /whsec_/);
    refused(() => open({ kind: 'hmac', secretEnv: 'S', header: 'x', signs: 'x' }), /\{body\}/);
    refused(
      () => open({ kind: 'hmac', secretEnv: 'S', header: 'x', timestamp: { header: 't' } }),
      /timestamp/,
    );
    refused(() => open({ kind: 'none', secretEnv: 'S' }), /verify/);
  });

  it('refuses a mapping that is no CEL, naming its place', () => {
    const mapping = { record: 'item.(' };
    const verify = { kind: 'frappe', secretEnv: 'S' } as const;

    assert.throws(
      () =>
        openSources({ sources: { erp: { verify, mapping } } }, { S: 'a-secret-of-24-characters' }),
      /hooks\.sources\.erp\.mapping\.record/,
    );
  });
});

function standard(signature: string): Record<string, string> {
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(seconds),
    'webhook-signature': signature,
  };
}

function post(headers: Readonly<Record<string, string>>, text = body): Post {
  const query = new URLSearchParams();
  return { headers, query, body: Buffer.from(text), now: seconds * 1_000 };
}

function hmac(of: Omit<Extract<HookVerification, { kind: 'hmac' }>, 'kind' | 'secretEnv'>) {
  return verifierOf({ kind: 'hmac', secretEnv: '', ...of }, [hookSecrets.GENERIC_SECRET]);
}
