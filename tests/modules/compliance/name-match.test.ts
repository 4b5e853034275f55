import assert from 'node:assert/strict';
import {
  candidateScore,
  comparable,
  hitScore,
  similarity,
} from '../../../modules/compliance/name-match.ts';

const score = (a: string, b: string, floor?: number): number =>
  similarity(comparable(a), comparable(b), floor);

describe('comparing names', () => {
  for (const [a, b] of [
    ['Müller & Söhne Stahl GmbH', 'MUELLER UND SOEHNE STAHL'],
    ['Dąbrowski Łożyska Sp. z o.o.', 'Dabrowski Lozyska S.A.'],
    ['Yıldız Çelik', 'Yildiz Celik Ltd'],
    ['Großmann Øresund Shipping', 'Grossmann Oresund Shipping'],
    ['Rossi Valves S.p.A.', 'Valves, Rossi'],
    ['Nord Flex Bearings', 'Nordflex Bearings'],
  ] as const) {
    it(`takes '${a}' and '${b}' for one name`, () => {
      assert.equal(score(a, b), 1);
    });
  }

  it('counts a wrong, missing, added or swapped letter as one difference', () => {
    for (const typo of [
      'Petrov Kearings',
      'Petrv Bearings',
      'Pettrov Bearings',
      'Petorv Bearings',
    ]) {
      const longest = Math.max(comparable(typo).written.length, 'petrovbearings'.length);
      assert.equal(score('Petrov Bearings', typo), Math.round((1 - 1 / longest) * 1000) / 1000);
    }
  });

  it('makes one difference in 14 letters a hit and two a candidate only', () => {
    const one = score('Petrov Bearings', 'Petrov Bealings');
    const two = score('Petrov Bearings', 'Pedrov Bealings');

    assert.ok(one >= hitScore);
    assert.ok(two < hitScore && two >= candidateScore);
  });

  it('does not take two firms of one trade for each other', () => {
    assert.ok(score('Wagner Bearings GmbH', 'Walker Bearings GmbH') < hitScore);
    assert.ok(score('Nowak Steel', 'Novák Seals') < candidateScore);
  });

  it('gives 0 to whatever must lie below the floor', () => {
    assert.equal(score('Wagner Bearings', 'Volkov Shipping', 0.8), 0);
    assert.equal(score('Petrov', 'Petrov International Trading', 0.8), 0);
    assert.ok(score('Petrov Bearings', 'Petrov Bealings', 0.8) > 0.8);
  });

  it('scores what lies at or above a floor as without one, and what lies below as 0', () => {
    const words = [
      'Petrov',
      'Pterov',
      'Perov',
      'Bearings',
      'Gearings',
      'Steel',
      'Nord',
      'International',
    ];
    const names = words.flatMap((one) => words.map((other) => `${one} ${other}`));

    for (const a of names)
      for (const b of names) {
        const whole = score(a, b);
        for (const floor of [0.5, candidateScore, hitScore])
          assert.equal(score(a, b, floor), whole < floor ? 0 : whole, `${a}, ${b}, ${floor}`);
      }
  });

  it('reads names in any script, and takes no two of them for one because of it', () => {
    assert.equal(score('ООО «Ромашка»', 'Ромашка'), score('Ромашка', 'ООО «Ромашка»'));
    assert.equal(score('Ромашка', 'РОМАШКА'), 1);
    assert.ok(score('Ромашка', 'Сталь') < candidateScore);
    assert.ok(score('北京鋼鐵有限公司', '上海轴承有限公司') < candidateScore);
    assert.ok(score('شركة النور', 'شركة الحديد') < candidateScore);
    assert.ok(score('Ромашка LLC', 'Сталь LLC') < candidateScore);
    assert.equal(score('Πετρος Αε', 'ΠΕΤΡΟΣ ΑΕ'), 1);
  });

  it('finds nothing in names of which no letter is left', () => {
    assert.equal(score('', ''), 0);
    assert.equal(score('***', '—'), 0);
  });

  it('keeps a name that consists of legal forms, and scores symmetrically', () => {
    assert.equal(score('AG & Co. KG', 'AG & Co. KG'), 1);
    assert.equal(score('Sable Gears', 'Stable Gear'), score('Stable Gear', 'Sable Gears'));
    assert.equal(score('', 'Petrov'), 0);
  });
});
