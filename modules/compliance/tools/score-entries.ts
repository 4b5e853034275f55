import { Day, Decimal, defineTool, Id, type Row, z } from 'tutti';
import { manualEntries } from '../manual-entries.ts';

/** A mark of risk on a journal entry. */
const Mark = z.enum(['weekend', 'round', 'seldom_user', 'after_close']);
type Mark = z.infer<typeof Mark>;

// The classic criteria of ISA 240 (A45): entries by people who seldom make them, at the end of or after a period, with
// round amounts. A posting into a closed period weighs most, because the books had been reported by then.
const points: Readonly<Record<Mark, number>> = {
  weekend: 25,
  round: 20,
  seldom_user: 25,
  after_close: 30,
};

/** Days over which a user's postings are counted. */
const habitDays = 180;
/** A user with at most as many manual entries in the journal over `habitDays` is a seldom one. */
const seldomEntries = 2;
/** A total that is a multiple of this, in the company's currency, is a round one. */
const roundStep = '1000';

/** As many entries as one call may name. */
export const entriesAtOnce = 1000;

/** How suspicious entries are. */
export const scoreEntries = defineTool({
  name: 'compliance.journal_entry.score',
  description:
    'Tells marks of risk and a score up to 100 for manual entries of one journal: posted on a weekend of its company, total a multiple of 1,000, by a user with at most two manual entries there in 180 days, after the close of its period.',
  effect: 'read',
  category: 'audit',
  parameters: z.object({
    journal: Id('journal'),
    entries: z.array(Id('journal_entry')).max(entriesAtOnce),
  }),
  result: z.object({
    scores: z.array(
      z.object({
        entry: Id('journal_entry'),
        marks: z.array(Mark),
        score: z.int().min(0).max(100),
      }),
    ),
  }),
}).handler(async ({ journal, entries: ids }, { erp, today }) => {
  const from = Day.add(today, -habitDays);
  const habits = await manualEntries(erp, { journal, from, today });
  const wanted = new Set<string>(ids);
  const entries = habits.filter((entry) => wanted.has(entry.id));
  const companies = [...new Set(entries.map((entry) => entry.company))];
  const [closes, places] = await Promise.all([
    erp.period_close.list({
      company: { in: companies },
      period: { in: [...new Set(entries.map((entry) => entry.period))] },
    }),
    erp.company.list({ code: { in: companies } }),
  ]);
  const zones = new Map(places.map(({ code, timeZone }) => [code, timeZone]));
  const postings = Map.groupBy(habits, (entry) => entry.user);
  return {
    scores: entries.map((entry) => {
      const marks = Mark.options.filter((mark) =>
        bears(mark, entry, {
          closes,
          timeZone: zones.get(entry.company) ?? 'UTC',
          postings: postings.get(entry.user)?.length ?? 0,
        }),
      );
      return {
        entry: entry.id,
        marks,
        score: marks.reduce((sum, mark) => sum + points[mark], 0),
      };
    }),
  };
});

interface Background {
  readonly closes: readonly Row<'period_close'>[];
  /** The company's. */
  readonly timeZone: string;
  /** Manual entries of the entry's user, itself included. */
  readonly postings: number;
}

function bears(mark: Mark, entry: Row<'journal_entry'>, background: Background): boolean {
  switch (mark) {
    case 'weekend':
      return Day.isWeekend(Day.at(entry.postedAt, background.timeZone));
    case 'round':
      return isRound(entry.total.amount);
    case 'seldom_user':
      return background.postings <= seldomEntries;
    case 'after_close':
      return background.closes.some(
        (close) =>
          close.company === entry.company &&
          close.period === entry.period &&
          close.closedAt < entry.postedAt,
      );
  }
}

function isRound(amount: string): boolean {
  const steps = Decimal.over(amount, roundStep);
  return !Decimal.isZero(amount) && Decimal.compare(steps, Decimal.round(steps, 0)) === 0;
}
