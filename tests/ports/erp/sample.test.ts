import * as assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readText, Text } from '../../../core/base/text.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import { memoryConnector } from '../../../core/ports/erp/memory.ts';
import { chanceOf, permutationOf } from '../../../core/ports/erp/sample/chance.ts';
import { drawIban, withCheckDigits } from '../../../core/ports/erp/sample/iban.ts';
import { type GeneratedSample, generateSample } from '../../../core/ports/erp/sample.ts';
import type { EntityName, Row } from '../../../core/sdk/entity.ts';
import type { Sample } from '../../../core/sdk/sample.ts';

/** Plants a fact on the third vendor, as a module does. */
const planting: Sample = (world) => {
  const vendor = world.all('party').filter((party) => party.supplier)[2] ?? assert.fail();
  vendor.blocked = true;
  const account = world.all('bank_account').find((each) => each.party === vendor.id);
  world.expect({
    agent: 'finance.test',
    kind: 'test.blocked',
    records: [
      { entity: 'party', id: vendor.id },
      { entity: 'bank_account', id: account?.id ?? '' },
    ],
  });
};

function make(options: Partial<Parameters<typeof generateSample>[0]> = {}): GeneratedSample {
  return generateSample({ samples: [planting], ...options });
}

function rowsOf<E extends EntityName>(sample: GeneratedSample, entity: E): readonly Row<E>[] {
  return (sample.rows.get(entity) ?? []) as unknown as readonly Row<E>[];
}

/** The bytes of a company, free text included. */
function bytesOf(sample: GeneratedSample): string {
  const json = JSON.stringify([[...sample.rows], sample.truth], (_, value: unknown) =>
    value instanceof Map ? [...value] : value,
  );
  const texts = [...sample.rows.values()]
    .flat()
    .flatMap((row) => Object.values(row).filter((value) => value instanceof Text));
  return createHash('sha256').update(json).update(texts.map(readText).join('|')).digest('hex');
}

describe('generateSample', () => {
  it('makes the same bytes from the same seed, and others from another', () => {
    assert.equal(bytesOf(make()), bytesOf(make()));
    assert.notEqual(bytesOf(make()), bytesOf(make({ seed: 2 })));
  });

  for (const scale of [1, 2]) {
    it(`makes the units of a night at scale ${scale}`, () => {
      const sample = make({ scale });

      const counts = Object.fromEntries(
        [...sample.rows].map(([name, rows]) => [name, rows.length]),
      );
      const { company, account, exchange_rate, fiscal_period, bank_account, ...scaled } = counts;
      assert.deepEqual([company, account, exchange_rate], [4, 132, 215 * 4]);
      // Three years of months for two ledgers, and one adjustment period.
      assert.equal(fiscal_period, 4 * (36 * 2 + 1));
      const own = rowsOf(sample, 'bank_account').filter((each) => each.company !== null);
      assert.equal(own.length, 24 * scale);
      assert.ok((bank_account ?? 0) >= (24 + 250) * scale);
      assert.deepEqual(scaled, {
        department: 48 * scale,
        employee: 480 * scale,
        user_group: 52 * scale,
        user: 520 * scale,
        party_group: 25 * scale,
        party: 250 * scale,
        item_group: 60 * scale,
        product: 2_400 * scale,
        warehouse: 8 * scale,
        journal: 16 * scale,
      });
      assert.equal(rowsOf(sample, 'party').filter((party) => party.supplier).length, 160 * scale);
    });
  }

  it('leaves no unit empty and no reference in the air', () => {
    const sample = make();
    for (const [entity, ref, unit] of [
      ['employee', 'department', 'department'],
      ['user', 'group', 'user_group'],
      ['party', 'group', 'party_group'],
      ['product', 'group', 'item_group'],
    ] as const) {
      const used = new Set(rowsOf(sample, entity).map((row) => (row as never)[ref]));

      assert.deepEqual(used, new Set(rowsOf(sample, unit).map((row) => row.id)), entity);
    }
  });

  it('declares every row fully', () => {
    assert.doesNotThrow(() => memoryConnector(sharedEntities, make().rows));
  });

  it('writes account numbers whose check digits are right, each once', () => {
    const ibans = rowsOf(make(), 'bank_account').map((account) => account.iban);

    for (const iban of ibans) assert.equal(withCheckDigits(iban.slice(0, 2), iban.slice(4)), iban);
    assert.equal(new Set(ibans).size, ibans.length);
  });

  it('gives no two parties one name', () => {
    const names = rowsOf(make({ scale: 4 }), 'party').map((party) => readText(party.name));

    assert.equal(new Set(names).size, 1_000);
  });

  it('has a rate for each currency on the business date, and 1 for its own', () => {
    const rates = rowsOf(make(), 'exchange_rate').filter((rate) => rate.date === '2026-06-30');

    assert.deepEqual(rates.map((rate) => rate.currency).sort(), ['EUR', 'GBP', 'PLN', 'USD']);
    assert.equal(rates.find((rate) => rate.currency === 'EUR')?.rate, '1');
  });

  it('locks the accounts of those who left', () => {
    const sample = make();
    const left = new Set(
      rowsOf(sample, 'employee').flatMap((each) => (each.leftOn === null ? [] : [each.id])),
    );

    assert.ok(left.size > 10);
    for (const user of rowsOf(sample, 'user')) {
      assert.equal(user.status === 'locked', user.employee !== null && left.has(user.employee));
    }
  });

  it('renumbers ids and nothing else: references and truth follow', () => {
    const [plain, renumbered] = [make(), make({ renumber: true })];

    const number = (sample: GeneratedSample): readonly unknown[] => {
      const byId = new Map(rowsOf(sample, 'party').map((party) => [party.id, party.number]));
      const planted = sample.truth[0]?.records[0]?.id ?? '';
      return [
        ...rowsOf(sample, 'bank_account').map((each) => each.party && byId.get(each.party)),
        byId.get(planted),
      ];
    };
    assert.deepEqual(number(renumbered), number(plain));
    const ids = rowsOf(renumbered, 'party').map((party) => party.id);
    assert.equal(new Set(ids).size, 250);
    assert.notDeepEqual(
      ids.toSorted((a, b) => Number(a) - Number(b)),
      ids,
    );
    assert.notEqual(renumbered.truth[0]?.records[0]?.id, plain.truth[0]?.records[0]?.id);
  });

  it('shuffles the order of rows and nothing else', () => {
    const [plain, shuffled] = [make(), make({ shuffle: true })];

    assert.notDeepEqual(rowsOf(shuffled, 'party'), rowsOf(plain, 'party'));
    for (const [entity, rows] of plain.rows) {
      const other = shuffled.rows.get(entity) ?? [];
      const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
        Number(a.id) - Number(b.id);
      assert.deepEqual(other.toSorted(byId), rows.toSorted(byId), entity);
    }
    assert.deepEqual(shuffled.truth, plain.truth);
  });

  it('moves every date with the business date', () => {
    const [plain, later] = [make(), make({ asOf: '2027-06-30' })];

    const days = (sample: GeneratedSample): readonly number[] =>
      rowsOf(sample, 'employee').map(
        (each) => (Date.parse(sample.asOf) - Date.parse(each.hiredOn)) / 86_400_000,
      );
    assert.deepEqual(days(later), days(plain));
    assert.equal(later.asOf, '2027-06-30');
    assert.equal(rowsOf(later, 'exchange_rate').at(-1)?.date, '2027-06-30');
  });

  it('keeps one module from changing the chance of another', () => {
    const drawn: number[] = [];
    const second: Sample = ({ random }) => drawn.push(random.next());

    make({ samples: [() => {}, second] });
    make({ samples: [({ random }) => void random.next(), second] });

    assert.equal(drawn[0], drawn[1]);
  });

  it('refuses a scale or a date that cannot be', () => {
    for (const options of [{ scale: 0 }, { scale: 1.5 }, { scale: 21 }, { asOf: '30.06.2026' }]) {
      assert.throws(() => make(options), { code: 'INPUT_INVALID' });
    }
  });
});

describe('chance', () => {
  it('keeps within its bounds, and reaches both ends', () => {
    const random = chanceOf(7, 1);

    const drawn = Array.from({ length: 1_000 }, () => random.integer(-2, 2));

    assert.deepEqual(
      [...new Set(drawn)].sort((a, b) => a - b),
      [-2, -1, 0, 1, 2],
    );
    assert.ok(Array.from({ length: 1_000 }, () => random.next()).every((n) => n >= 0 && n < 1));
  });

  it('permutes without meeting a number twice', () => {
    const permutation = permutationOf(3);

    const reached = new Set(Array.from({ length: 50_000 }, (_, index) => permutation(index)));

    assert.equal(reached.size, 50_000);
  });
});

describe('iban', () => {
  it('computes the check digits of the examples in the registry', () => {
    assert.equal(withCheckDigits('DE', '370400440532013000'), 'DE89370400440532013000');
    assert.equal(withCheckDigits('GB', 'WEST12345698765432'), 'GB82WEST12345698765432');
  });

  it('draws one in the form of its country', () => {
    assert.match(drawIban('NL', chanceOf(1, 1)), /^NL\d{2}[A-Z]{4}\d{10}$/);
  });
});
