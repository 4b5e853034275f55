import assert from 'node:assert/strict';
import { demandPower } from '../../../core/service/identity/grant.ts';
import { localOwner, type Principal } from '../../../core/service/identity/principal.ts';
import { verifies } from '../../support/verifies.ts';

const admin: Principal = {
  ...{ id: 'key 1', tenantId: 1, actor: { kind: 'key', id: '1', onBehalfOf: ['anna', 'carl'] } },
  person: 'anna',
  ...{ roles: ['tenant_admin'], modules: ['finance', 'hr'], companies: null },
};
const owner: Principal = { ...admin, roles: ['owner'], modules: null };
const key = {
  ...{ roles: ['operator'] as const, modules: ['finance'], companies: null },
  ...{ person: null, rate: null },
};

describe('who may make which key', () => {
  const refuses = (maker: Principal, change: Partial<Parameters<typeof demandPower>[1]>) =>
    assert.throws(() => demandPower(maker, { ...key, ...change }), { code: 'PERMISSION_DENIED' });

  it('makes none that may do more than themself', () => {
    verifies('R12.rbac');
    demandPower(admin, key);
    demandPower(admin, { ...key, roles: ['tenant_admin', 'viewer'], companies: ['C1'] });
    refuses(admin, { roles: ['owner'] });
    refuses(admin, { roles: ['viewer', 'approver'] });
    refuses(admin, { modules: null });
    refuses(admin, { modules: ['finance', 'inventory'] });
    refuses({ ...admin, companies: ['C1'] }, { companies: null });
    refuses(admin, { rate: 'big' });
    demandPower(owner, { ...key, roles: ['owner'], modules: null, rate: 'big' });
  });

  it('makes none that decides as somebody else, for whoever holds it decides', () => {
    const approver = { ...key, roles: ['approver'] as const };
    demandPower(owner, { ...approver, person: 'Anna' });
    demandPower(owner, approver);
    refuses(owner, { roles: ['approver'], person: 'ben' });
    refuses(owner, { roles: ['owner'], person: 'ben' });
    // Who has made the key that asks is another person, too.
    refuses(owner, { roles: ['approver'], person: 'carl' });
    demandPower(localOwner(1), { ...approver, person: 'ben' });
  });

  it('makes none that agrees to wider policies as somebody else', () => {
    verifies('R12.policy');
    const whole = { ...admin, modules: null };
    const publisher = { ...key, roles: ['module_admin'] as const, modules: null };
    demandPower(whole, { ...publisher, person: 'Anna' });
    demandPower(whole, publisher);
    refuses(whole, { ...publisher, person: 'ben' });
  });
});
