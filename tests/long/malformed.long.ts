import assert from 'node:assert/strict';
import { ContractLab } from '../service/api/contract/lab.ts';
import { type Attack, type Attacked, attack } from '../support/malformed-run.ts';

/** How many requests are sent at least; the bar is 5,000. */
const count = Number(process.env.TUTTI_MALFORMED ?? 10_000);
/** What 99 of 100 are refused within; the bar of D2. */
const mostMs = 100;

describe('malformed requests, at length', function () {
  this.timeout(3_600_000);
  it('break nothing, however many there are (D2)', async function () {
    let left = count;
    const errors: unknown[] = [];
    for (let seed = 1; left > 0; seed += 1) {
      // The corpus once, and then what chance makes of valid bodies.
      const every = seed === 1 ? 1 : 50;
      const { sent, faults, byStatus, ...times } = await attackAnew(this, errors, {
        ...{ seed, mangled: 40, every, renewals: 10 },
      });
      console.log({ seed, sent, byStatus, ...times });
      assert.deepEqual(faults, [], `seed ${seed}`);
      // Sender, server and engine share a process: what asks for nothing takes as long, and does not count.
      assert.ok(times.p99Ms - times.idleP99Ms < mostMs, `seed ${seed}: ${JSON.stringify(times)}`);
      left -= sent;
    }

    assert.deepEqual(errors, []);
    assert.equal(({} as { readonly polluted?: unknown }).polluted, undefined);
  });
});

/** An attack on an installation of its own: what harmless bodies make is bounded, as the 50 webhook endpoints of a tenant. */
async function attackAnew(
  context: Mocha.Context,
  errors: unknown[],
  how: Attack,
): Promise<Attacked> {
  const lab = await ContractLab.open({
    requestsPerMinute: 100_000_000,
    onError: (error) => errors.push(error),
  });
  try {
    const attacked = await attack(lab, how);
    assert.equal((await lab.ask('GET', '/livez')).status, 200);
    return attacked;
  } finally {
    await lab.close(context);
  }
}
