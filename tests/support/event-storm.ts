import type { ReceivedEvent } from '../../core/service/hooks/received.ts';
import { aTold, type HookLab } from './hook-lab.ts';

/** One change of a ticket, by its code. */
export interface Change {
  readonly code: string;
  readonly how: 'create' | 'rank' | 'open' | 'close';
  readonly rank: number;
}

/** What an ERP does: rounds of changes, each ticket at most once a round, so that each change is a version that can be seen. */
export type Story = readonly (readonly Change[])[];

/** Random numbers from 0 to 1 that follow from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A story that follows from a seed. */
export function storyOf(
  seed: number,
  { rounds, tickets }: { readonly rounds: number; readonly tickets: number },
): Story {
  const random = randomOf(seed);
  const known = new Map<string, boolean>();
  return Array.from({ length: rounds }, () =>
    Array.from({ length: tickets }, (_, index) => `T${index}`)
      .filter(() => random() < 0.6)
      .map((code): Change => {
        const rank = Math.floor(random() * 10) - 1;
        if (!known.has(code)) {
          known.set(code, false);
          return { code, how: 'create', rank };
        }
        const isOpen = known.get(code) as boolean;
        if (random() < 0.5) return { code, how: 'rank', rank };
        known.set(code, !isOpen);
        return { code, how: isOpen ? 'close' : 'open', rank };
      }),
  );
}

/** What hooks have brought: runs and findings, by the codes of their tickets, sorted. */
export interface Outcome {
  readonly runs: readonly string[];
  readonly findings: readonly string[];
}

/** Tells of each change at once, or badly: by the seed some events are lost, doubled, late or out of order, and sweeps find the rest. */
export async function live(lab: HookLab, story: Story, seed: number | null): Promise<Outcome> {
  const random = randomOf(seed ?? 0);
  const ids = new Map<string, string>();
  let late: ReceivedEvent[] = [];
  await lab.sweep();
  for (const round of story) {
    const now: ReceivedEvent[] = [];
    const next: ReceivedEvent[] = [];
    for (const change of round) {
      const event = await carryOut(lab, change, ids);
      if (seed === null) now.push(event);
      else spoil(event, random, { now, next });
    }
    await tell(lab, seed === null ? now : shuffled([...now, ...late], random), random);
    late = next;
    if (seed !== null) {
      // Before or after what has been told is looked at.
      if (random() < 0.5) await lab.settle();
      lab.clock.pass(60_000);
      await lab.sweep();
    }
    await lab.settle();
  }
  await tell(lab, late, random);
  await lab.settle();
  return await outcomeOf(lab, ids);
}

async function carryOut(
  lab: HookLab,
  { code, how, rank }: Change,
  ids: Map<string, string>,
): Promise<ReceivedEvent> {
  const id = ids.get(code) ?? null;
  const { id: written, version } =
    how === 'open' || how === 'close'
      ? { id: id as string, version: await lab.act(id as string, how) }
      : await lab.write(id, how === 'create' ? { code, rank } : { rank });
  ids.set(code, written);
  return aTold(written, { version });
}

/** Lost (30 %), doubled (25 %), a round late (25 %); some without their version. */
function spoil(
  event: ReceivedEvent,
  random: () => number,
  into: { readonly now: ReceivedEvent[]; readonly next: ReceivedEvent[] },
): void {
  const fate = random();
  const told = random() < 0.3 ? { ...event, version: null } : event;
  if (fate < 0.3) return;
  if (fate < 0.55) into.now.push(told, told, { ...told, key: `${told.key} again` });
  else if (fate < 0.8) into.next.push(told);
  else into.now.push(told);
}

async function tell(
  lab: HookLab,
  events: readonly ReceivedEvent[],
  random: () => number,
): Promise<void> {
  const half = Math.floor(random() * events.length);
  const parts = [events.slice(0, half), events.slice(half)];
  await Promise.all(
    parts.map((each) => lab.intake.record({ tenantId: lab.tenantId, source: 'erp', events: each })),
  );
}

function shuffled<T>(all: readonly T[], random: () => number): readonly T[] {
  return all
    .map((each) => ({ each, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);
}

async function outcomeOf(lab: HookLab, ids: ReadonlyMap<string, string>): Promise<Outcome> {
  const codes = new Map([...ids].map(([code, id]) => [id, code]));
  const runs = (await lab.runs()).map(({ workflow, status, input }) => {
    const { ticket, word } = input as { readonly ticket?: string; readonly word?: string };
    return `${workflow} ${word ?? codes.get(ticket ?? '')} ${status}`;
  });
  const findings = await lab.tutti.host.database
    .kysely('tutti_engine')
    .selectFrom('finding')
    .select(['kind', 'records'])
    .where('tenantId', '=', lab.tenantId)
    .execute();
  const about = findings.map(({ kind, records }) => {
    const [first] = records as readonly { readonly id: string }[];
    return `${kind} ${codes.get(first?.id ?? '')}`;
  });
  return { runs: runs.sort(), findings: about.sort() };
}
