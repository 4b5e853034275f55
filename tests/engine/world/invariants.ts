import type { Tilt } from './life.ts';

/** What makes each invariant's violations likely: the lives that its property is tried on. */
export const tilts: Readonly<Record<string, Tilt>> = {
  I1: { fails: true },
  'I1 of waits': {
    waits: true,
    fails: true,
    weights: { crash: 5, fence: 2, cancelStep: 2, pause: 2 },
  },
  'I13 of runs that steps start': {
    ...{ waits: true, starts: true, fails: true, writes: true, retries: 1 },
    weights: { crash: 6, fence: 3, outage: 4, cancel: 2, cancelStep: 2, pause: 2 },
  },
  I2: { weights: { crash: 8, lose: 8, outage: 6, fence: 3 } },
  I3: { weights: { lose: 8, cancelStep: 3 } },
  'I3 of conversations': { models: true, money: 'plenty', narrow: true, weights: { pass: 15 } },
  I4: { models: true, money: 'scarce', weights: { crash: 6, lose: 6, rival: 8 } },
  I5: { models: true, money: 'plenty', weights: { pass: 60, crash: 1, fence: 0, retire: 0 } },
  I6: { models: true, money: 'plenty', weights: { lose: 6, cancel: 3 } },
  I7: { models: false, weights: { pass: 60, crash: 0, fence: 0, retire: 0 } },
  'I7 of calls': { models: true, money: 'plenty', weights: { crash: 1, fence: 0, retire: 0 } },
  I10: { weights: { cancel: 8, cancelStep: 8, pause: 4 } },
  I12: { fails: true, weights: { cancelStep: 4, pause: 4, outage: 6 } },
  I13: { writes: true, weights: { crash: 10, lose: 10, fence: 5, outage: 6 } },
  I16: { models: true, refuses: true, ill: 'often', weights: { pass: 12, crash: 1, fence: 0 } },
  'I16 of retries': {
    models: true,
    money: 'plenty',
    ill: 'always',
    weights: { pass: 40, crash: 0, fence: 0, retire: 0, drain: 0 },
  },
  I17: {
    models: true,
    money: 'scarce',
    asks: true,
    weights: { raise: 20, rival: 8, drain: 0, crash: 1 },
  },
  I18: { fails: true, writes: true, retries: 2, weights: { crash: 5, cancel: 3, cancelStep: 3 } },
  I19: { fails: true, weights: { crash: 8, lose: 6, fence: 3, outage: 4 } },
  I20: {
    fails: true,
    ways: true,
    retries: 1,
    weights: { crash: 6, lose: 5, cancel: 2, cancelStep: 2, pause: 2, rule: 5 },
  },
  I15: { weights: { crash: 6, cancel: 3, cancelStep: 4, pause: 3, rank: 3, retire: 4 } },
};
