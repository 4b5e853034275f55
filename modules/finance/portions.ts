/** As many orders as one call may name. */
export const ordersAtOnce = 500;

/** What a tool tells of any number of orders: asked one portion of them after the other. */
export async function inPortions<Order, Told>(
  orders: readonly Order[],
  ask: (portion: Order[]) => Promise<readonly Told[]>,
): Promise<readonly Told[]> {
  const told: Told[] = [];
  for (let first = 0; first < orders.length; first += ordersAtOnce) {
    told.push(...(await ask(orders.slice(first, first + ordersAtOnce))));
  }
  return told;
}
