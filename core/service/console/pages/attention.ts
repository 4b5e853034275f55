import type { Problem } from '../api/problem.ts';
import type { Budgets, Limits, Status, Stop } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { countOf, countText, shareText } from '../parts/text-of.ts';

/** Something that somebody should look at. */
export interface Concern {
  readonly tone: 'bad' | 'warn';
  readonly text: string;
  readonly href?: string;
  /** What it is made of, each with where it is looked at. */
  readonly parts?: readonly { readonly text: string; readonly href: string }[];
}

/** What is known; what could not be read is left out. */
export interface Known {
  readonly unready: Problem | null;
  readonly status?: Status | undefined;
  readonly limits?: Limits | undefined;
  readonly budgets?: Budgets | undefined;
  readonly stops?: readonly Stop[] | undefined;
}

/** What is red or about to be, the worst first. */
export function concernsOf({ unready, status, limits, budgets, stops }: Known): readonly Concern[] {
  const concerns: readonly Concern[] = [
    ...(unready ? [{ tone: 'bad', text: `Not ready: ${unready.message}` } as const] : []),
    ...(status ? [...ofStatus(status), ...ofPeople(status)] : []),
    ...(limits ? ofLimits(limits) : []),
    ...(budgets ? ofBudgets(budgets) : []),
    ...(stops ?? []).map(({ reach, reason }) => ({
      tone: 'warn' as const,
      text: `Stopped: ${reach}${reason === '' ? '' : `, ${reason}`}`,
      href: hrefOf(['limits']),
    })),
  ];
  return concerns.toSorted((one, other) => one.tone.localeCompare(other.tone));
}

function ofStatus({ engine, pool, workflows, people }: Status): readonly Concern[] {
  const { wanted, ready, zombies } = pool.lanes;
  const facts: readonly (readonly [count: number, Omit<Concern, 'text'>, (n: number) => string])[] =
    [
      [
        engine.alive === 0 ? 1 : 0,
        { tone: 'bad' },
        () => 'No engine is alive: nothing is carried out.',
      ],
      [
        workflows.failed,
        ofRuns('failed', 'bad'),
        (n) => `${countOf(n, 'run')} failed in the last day.`,
      ],
      [
        workflows.partial,
        ofRuns('partial', 'warn'),
        (n) => `${countOf(n, 'run')} ended in part in the last day.`,
      ],
      [zombies, { tone: 'bad' }, (n) => `${countOf(n, 'thread')} cannot be ended; see the log.`],
      [
        Math.max(0, wanted - ready),
        { tone: 'warn' },
        (n) => `${countOf(n, 'thread')} cannot take work.`,
      ],
      [
        people.effectsInReview,
        { tone: 'bad' },
        (n) =>
          `${countOf(n, 'effect')} in review: nobody could find out what became of it. See tutti effects.`,
      ],
    ];
  return facts.flatMap(([count, rest, say]) => (count > 0 ? [{ ...rest, text: say(count) }] : []));
}

function ofPeople({ people }: Status): readonly Concern[] {
  const { openApprovals, approvalsByModule } = people;
  if (openApprovals === 0) return [];
  const text = `${countOf(openApprovals, 'approval')} ${openApprovals === 1 ? 'waits' : 'wait'} for a person’s decision.`;
  const parts = approvalsByModule.map(({ module, count }) => ({
    text: `${module ?? 'of no module'} ${countText(count)}`,
    href: hrefOf(['approvals'], { module }),
  }));
  return [{ tone: 'warn', text, href: hrefOf(['approvals']), parts }];
}

function ofRuns(status: string, tone: Concern['tone']): Omit<Concern, 'text'> {
  return { tone, href: hrefOf(['runs'], { status }) };
}

function ofLimits({ models }: Limits): readonly Concern[] {
  return models
    .filter(({ closedMs }) => (closedMs ?? 0) > 0)
    .map(({ model }) => ({
      tone: 'warn',
      text: `The model ${model} is left alone for a while: its provider refuses.`,
      href: hrefOf(['limits']),
    }));
}

function ofBudgets({ items, warnAt }: Budgets): readonly Concern[] {
  return items
    .filter(({ share, waiting }) => share >= warnAt || waiting > 0)
    .map(({ scope, share, waiting }) => ({
      tone: waiting > 0 || share >= 1 ? 'bad' : 'warn',
      text: `The budget of ${scope} is used to ${shareText(share)}${waiting > 0 ? `; ${countOf(waiting, 'step')} without money` : ''}.`,
      href: hrefOf(['costs']),
    }));
}
