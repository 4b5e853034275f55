import { Money, z } from 'tutti';

/** What a nightly agent hands in for one unit: records examined, findings reported, and the money at stake by currency. */
export const Tally = z.object({ checked: z.int(), flagged: z.int(), exposure: z.array(Money) });
