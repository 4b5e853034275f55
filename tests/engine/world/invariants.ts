import type { Tilt } from './life.ts';

/** What makes each invariant's violations likely: the lives that its property is tried on. */
export const tilts: Readonly<Record<string, Tilt>> = {
  I1: { fails: true },
  I2: { weights: { crash: 8, lose: 8, outage: 6, fence: 3 } },
  I3: { models: false, weights: { lose: 8, cancelStep: 3 } },
  I4: { models: true, money: 'scarce', weights: { crash: 6, lose: 6, rival: 8 } },
  I5: { models: true, money: 'plenty', weights: { pass: 60, crash: 1, fence: 0, retire: 0 } },
  I6: { models: true, money: 'plenty', weights: { lose: 6, cancel: 3 } },
  I7: { models: false, weights: { pass: 60, crash: 0, fence: 0, retire: 0 } },
  I10: { weights: { cancel: 8, cancelStep: 8, pause: 4 } },
  I12: { fails: true, weights: { cancelStep: 4, pause: 4, outage: 6 } },
  I13: { writes: true, weights: { crash: 10, lose: 10, fence: 5, outage: 6 } },
  I15: { weights: { crash: 6, cancel: 3, cancelStep: 4, pause: 3, retire: 4 } },
};
