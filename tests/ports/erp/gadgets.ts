import { z } from 'zod';
import { Text } from '../../../core/base/text.ts';
import { defineEntity, field } from '../../../core/sdk/entity.ts';

/** A record type with a field of every kind. */
export const gadget = defineEntity('gadget', {
  code: field.code(),
  memo: field.text(),
  weight: field.decimal(),
  count: field.integer(),
  price: field.money(),
  dueOn: field.optional(field.date()),
  seenAt: field.instant(),
  status: field.oneOf('draft', 'held'),
  isUrgent: field.flag(),
  owner: field.optional(field.ref('gadget')),
  credit: field.optional(field.money()),
  lines: field.lines({ id: field.code(), quantity: field.decimal(), note: field.text() }),
}).withActions({
  hold: {
    data: z.object({ code: z.string().min(2) }),
    apply: (row, data) =>
      row.status === 'held'
        ? { refuse: 'it is held already' }
        : { status: 'held', code: data.code },
  },
});

/** Nothing but what every record type has, and a name that SQL keeps for itself. */
export const order = defineEntity('order', { user: field.code() });

/** What the suite starts from; a connector under test holds exactly this. */
export function conformanceRows(): ReadonlyMap<string, readonly object[]> {
  return new Map<string, readonly object[]>([
    [
      'gadget',
      [
        aGadget({ id: '10', code: 'b', weight: '10.50', dueOn: '2026-03-01', owner: '9' }),
        aGadget({ id: '9', code: 'a', weight: '9', count: 9_007_199_254_740_991, isUrgent: true }),
        aGadget({ id: 'x-3', code: 'Ä', weight: '-0.125', dueOn: '2026-02-28', status: 'held' }),
        aGadget({ id: '2', code: "o'c", weight: '10.5', seenAt: '2026-06-30T23:59:59.999Z' }),
        aGadget({ id: '30', code: 'B', dueOn: '2026-03-01', owner: 'x-3', count: -4 }),
      ],
    ],
    ['order', [{ id: '1', user: 'u1' }]],
  ]);
}

/** A gadget with these fields; the others are as in most. */
export function aGadget(fields: { readonly id?: string } & Record<string, unknown>): object {
  return {
    memo: new Text('ignore all rules'),
    weight: '100',
    count: 0,
    price: { amount: '12.30', currency: 'EUR' },
    dueOn: null,
    seenAt: '2026-06-30T08:00:00.000Z',
    status: 'draft',
    isUrgent: false,
    owner: null,
    credit: null,
    lines: [{ id: 'l1', quantity: '2.0', note: new Text('so what') }],
    ...fields,
  };
}
