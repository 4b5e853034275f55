import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { type Head, keyIdOf, signHead } from '../../../core/engine/audit/head.ts';
import type { AuditRow } from '../../../core/engine/audit/line.ts';
import { hashOf } from '../../../core/engine/audit/row.ts';
import { verifyChain } from '../../../core/engine/audit/verify.ts';
import { aChain, given } from '../../support/audit.ts';
import { verifies } from '../../support/verifies.ts';

const length = 12;
const chain = aChain(length);
const place = fc.integer({ min: 0, max: length - 1 });

async function faultOf(rows: readonly (AuditRow | null)[]): Promise<string> {
  const { fault } = await verifyChain(given(rows), { tenantId: 1 });
  return fault ? `${fault.kind} ${fault.seq}` : 'none';
}

function aKey(): Parameters<typeof signHead>[1] {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('hex'),
  };
}

function headAt(rows: readonly AuditRow[], seq: number): Head {
  const hash = rows[seq - 1]?.hash ?? Buffer.alloc(32);
  return { tenantId: 1, seq, hash: hash.toString('hex'), at: '2026-11-21T21:00:00.000Z' };
}

/** The chain with the rows from `seq` on written anew, as somebody would who knows how. */
function rewritten(seq: number): readonly AuditRow[] {
  const rows = chain.slice(0, seq - 1);
  for (const row of chain.slice(seq - 1)) {
    const prev = rows.at(-1)?.hash ?? Buffer.alloc(32);
    const forged = { ...row, prev, target: row.seq === seq ? 'forged' : row.target };
    rows.push({ ...forged, hash: hashOf(prev, forged) });
  }
  return rows;
}

describe('verifyChain', () => {
  it('finds nothing wrong with a chain as it was written', async () => {
    const verdict = await verifyChain(given(chain), { tenantId: 1 });

    assert.deepEqual([verdict.rows, verdict.seq, verdict.fault], [length, length, null]);
    assert.equal(verdict.hash, chain.at(-1)?.hash.toString('hex'));
    assert.equal((await verifyChain(given([]), { tenantId: 1 })).fault, null);
  });

  it('names the row in which one bit of anything was flipped', async () => {
    verifies('R12.audit');
    const texts = ['at', 'actor', 'action', 'target', 'data'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(
          ...[place, fc.constantFrom(...texts, 'prev', 'hash', 'tenantId')],
          ...[fc.nat(), fc.integer({ min: 0, max: 7 })],
        ),
        async ([at, part, where, bit]) => {
          const row = chain[at] as AuditRow;
          const flip = (bytes: Buffer): Buffer => {
            const copy = Buffer.from(bytes);
            const index = where % copy.length;
            copy[index] = (copy[index] as number) ^ (1 << bit);
            return copy;
          };
          const changed =
            part === 'tenantId'
              ? { tenantId: row.tenantId ^ (1 << bit) }
              : part === 'prev' || part === 'hash'
                ? { [part]: flip(row[part]) }
                : { [part]: flip(Buffer.from(row[part], 'latin1')).toString('latin1') };
          assert.equal(await faultOf(chain.with(at, { ...row, ...changed })), `edited ${at + 1}`);
        },
      ),
    );
  });

  it('names the first of rows that are missing, unless they are the last', async () => {
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 5 }), async (at, count) => {
        const rows = chain.toSpliced(at, count);
        const isEnd = at + count >= length;

        assert.equal(await faultOf(rows), isEnd ? 'none' : `gap ${at + 1}`);
      }),
    );
  });

  it('names the place from which on the order is another', async () => {
    await fc.assert(
      fc.asyncProperty(place, place, async (one, other) => {
        fc.pre(one !== other);
        const rows = chain.with(one, chain[other] as AuditRow).with(other, chain[one] as AuditRow);

        assert.equal(await faultOf(rows), `reordered ${Math.min(one, other) + 1}`);
      }),
    );
  });

  it('sees rows that have changed places with their numbers', async () => {
    const [third, fourth] = [chain[2] as AuditRow, chain[3] as AuditRow];
    const rows = chain.with(2, { ...fourth, seq: 3 }).with(3, { ...third, seq: 4 });

    assert.equal(await faultOf(rows), 'reordered 3');
  });

  it('names a row that was put in, with its number or another', async () => {
    await fc.assert(
      fc.asyncProperty(place, async (at) => {
        const row = chain[at] as AuditRow;
        const twice = chain.toSpliced(at, 0, row);
        const prev = chain[at - 1]?.hash ?? Buffer.alloc(32);
        const forged = { ...row, prev, target: 'forged' };
        const own = { ...forged, hash: hashOf(prev, forged) };
        const moved = chain.slice(at).map((each) => ({ ...each, seq: each.seq + 1 }));

        assert.equal(await faultOf(twice), `inserted ${at + 1}`);
        assert.equal(await faultOf([...chain.slice(0, at), own, ...moved]), `inserted ${at + 1}`);
      }),
    );
  });

  it('sees that later rows have moved up in the place of a missing one', async () => {
    const moved = chain.slice(5).map((each) => ({ ...each, seq: each.seq - 1 }));

    assert.equal(await faultOf([...chain.slice(0, 4), ...moved]), 'gap 5');
  });

  it('names a row with a hash that was made to fit it', async () => {
    const row = { ...(chain[4] as AuditRow), target: 'forged' };
    const rows = chain.with(4, { ...row, hash: hashOf(row.prev, row) });

    assert.equal(await faultOf(rows), 'edited 5');
  });

  it('takes what is no row for one that was edited', async () => {
    assert.equal(await faultOf([...chain.slice(0, 3), null, ...chain.slice(3)]), 'edited 4');
  });

  it('holds a chain against what was signed of it', async () => {
    const key = aKey();
    const signed = [0, 5, 9].map((seq) => signHead(headAt(chain, seq), key));
    const options = { tenantId: 1, heads: signed };
    const kindOf = async (rows: readonly AuditRow[]) => {
      const { fault, heads } = await verifyChain(given(rows), options);
      return [fault?.kind, fault?.seq, heads];
    };

    assert.deepEqual(await kindOf(chain), [undefined, undefined, 3]);
    assert.deepEqual(await kindOf(chain.slice(0, 9)), [undefined, undefined, 3]);
    assert.deepEqual(await kindOf(chain.slice(0, 7)), ['truncated', 8, 2]);
    assert.deepEqual(await kindOf(chain.slice(0, 4)), ['truncated', 5, 1]);
    assert.deepEqual(await kindOf([]), ['truncated', 1, 1]);
    // Consistent in itself: only the signature tells.
    assert.deepEqual(await kindOf(rewritten(3)), ['rewritten', 5, 1]);
    assert.deepEqual(await kindOf(rewritten(7)), ['rewritten', 9, 2]);
    assert.deepEqual(await kindOf(rewritten(10)), [undefined, undefined, 3]);
  });

  it('believes no signature of another head, of another key or of another tenant', async () => {
    const [key, other] = [aKey(), aKey()];
    const signed = signHead(headAt(chain, 5), key);
    const faultWith = async (head: typeof signed, keys?: readonly string[]) => {
      const options = { tenantId: 1, heads: [head], ...(keys && { keys }) };
      return (await verifyChain(given(chain), options)).fault;
    };
    const bad = [
      { ...signed, head: { ...signed.head, at: '2026-11-21T22:00:00.000Z' } },
      { ...signed, publicKey: other.publicKey },
      { ...signed, publicKey: '00' },
      {
        ...signed,
        signature: signed.signature.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      },
      signHead({ ...headAt(chain, 5), tenantId: 2 }, key),
    ];

    for (const each of bad) {
      const fault = await faultWith(each);
      assert.deepEqual([fault?.kind, fault?.seq], ['signature', 5]);
    }
    assert.equal(await faultWith(signed, [key.publicKey]), null);
    const fault = await faultWith(signed, [other.publicKey]);
    assert.ok(fault?.message.includes(keyIdOf(key.publicKey)));
  });
});
