import type { Chance } from '../../../sdk/sample.ts';

/** A short line of ordinary business prose, with a name or a number here and there, as people write it into a memo. */
export function sentence(random: Chance): string {
  return random
    .pick(lines)
    .replaceAll(/\{(\w+)\}/g, (_, slot: string) =>
      slot === 'n' ? String(random.integer(2, 98)) : random.pick(fillers[slot] ?? ['']),
    );
}

const fillers: Readonly<Record<string, readonly string[]>> = {
  who: [
    'the plant manager',
    'the night shift',
    'purchasing',
    'the carrier',
    'the front desk',
    'quality',
    'the tool shop',
    'our planner',
    'the supplier',
    'the line lead',
  ],
  when: [
    'on Monday morning',
    'before the holidays',
    'at the end of the week',
    'by the 15th',
    'after stocktaking',
    'with the next truck',
    'in the late shift',
    'next quarter',
  ],
  what: [
    'spare parts',
    'the framework order',
    'the pallet cages',
    'sealing rings',
    'the test batch',
    'packing material',
    'the maintenance contract',
    'cutting inserts',
    'the second delivery',
    'cleaning supplies',
  ],
  where: ['gate 3', 'hall 2', 'the yard', 'the cold store', 'bay 4', 'the upper rack', 'dock C'],
};

const lines: readonly string[] = [
  'Agreed with {who} {when}.',
  'Please deliver to {where}, not to the main gate.',
  'Call {who} before unloading.',
  '{n} boxes, two of them repacked.',
  'Covers {what} as discussed {when}.',
  'Same conditions as last year, see folder {n}.',
  'Partial shipment; the rest follows {when}.',
  'For {what}, cost centre as usual.',
  'Replacement for a damaged unit, reported by {who}.',
  'Price from the list of this year, less {n} cents a piece.',
  'Asked {who} for the drawing, revision {n}.',
  'Urgent, the line stands still without {what}.',
  'Goods to be checked by {who} on arrival.',
  'Correction of last week, slip {n}.',
  'Standing order, see the agreement on {what}.',
  'Returnable packaging, {n} crates.',
  'Note from {who}: labels are on the inside.',
  'Delivered {when}; one carton was wet.',
  'Weights checked twice, difference under {n} grams.',
  'To be split between both halls {when}.',
  'Reference given by phone, {who} has the paper.',
  'Monthly lump sum for {what}.',
  'Samples only, not for stock.',
  'Ordered with {what} to save freight.',
  'Colour as in the first series.',
  'Ask for certificate {n} with the goods.',
  'Lead time confirmed as {n} days.',
  'Booked {when} by {who}.',
  'Rounding from the conversion of {what}.',
  'As quoted, offer {n} of the spring.',
  'Thank you for the quick help with {what}!',
  'Waiting for a credit for {n} pieces, settled by now.',
];
