import { type Counted, leastLead, shareBounds } from '../../base/share-bounds.ts';

/** What is on record of an agent's steps with one model. A step is judged when it says something of the model. */
export interface ModelRecord {
  readonly model: string;
  /** Steps for which it was called and which have ended. */
  readonly steps: number;
  /** Those of them that ended well with it, or did not for its sake; the others say nothing: an ERP was away, a run was cancelled. */
  readonly judged: number;
  /** Of those judged: a first answer that was valid, no failure, and nothing that people took back. */
  readonly good: number;
  /** Why the others were not good; one step may be in several. */
  readonly failed: number;
  readonly repaired: number;
  /** A person has refused what the step proposed. */
  readonly refused: number;
  /** A person ignores what the step found. */
  readonly ignored: number;
  /** Between which shares that of the good ones lies, with 95 %. */
  readonly least: number;
  readonly most: number;
  /** Mean of the steps that it did alone, by today's prices, micro-USD; null: none of them has a price today. */
  readonly stepMicroUsd: number | null;
}

/** A model of an agent held against a dearer one. */
export interface ModelComparison {
  readonly cheaper: string;
  readonly dearer: string;
  /** `unseen`: too little is on record to say. `worse`: as far as seen, it does less well than is put up with. */
  readonly verdict: 'would_do' | 'unseen' | 'worse';
  /** Of `unseen`: how many more judged steps of the cheaper, if they go as those so far; of the dearer, where that has too few. */
  readonly more: { readonly cheaper: number; readonly dearer: number } | null;
  /** What the dearer one's steps would have cost less with the cheaper, micro-USD; of `would_do`, else 0. */
  readonly savedMicroUsd: number;
}

/** How many points of a hundred the cheaper model may succeed less often, at worst, and still would have done. */
const marginPoints = 5;
/** Judged steps that each of two models needs before anything is said. */
export const leastJudged = 20;
/** Beyond, nobody would wait for the answer. */
const mostMore = 100_000;

/** Each model of an agent against each that is dearer; the greatest saving first. */
export function compareModels(models: readonly ModelRecord[]): readonly ModelComparison[] {
  const priced = models.flatMap((each) =>
    each.stepMicroUsd === null ? [] : [{ ...each, price: each.stepMicroUsd }],
  );
  const pairs = priced.flatMap((cheaper) =>
    priced
      .filter(({ price }) => price > cheaper.price)
      .map((dearer) => ({ dearer, cheaper, less: dearer.price - cheaper.price })),
  );
  return pairs
    .map(({ dearer, cheaper, less }) => compare(cheaper, dearer, Math.round(dearer.steps * less)))
    .sort((a, b) => b.savedMicroUsd - a.savedMicroUsd || namesOf(a).localeCompare(namesOf(b)));
}

/** Adds the bounds of its share to what is on record. */
export function withBounds(record: Omit<ModelRecord, 'least' | 'most'>): ModelRecord {
  return { ...record, ...shareBounds(record.good, record.judged) };
}

function compare(cheaper: ModelRecord, dearer: ModelRecord, saving: number): ModelComparison {
  const names = { cheaper: cheaper.model, dearer: dearer.model };
  const [one, other] = [countedOf(cheaper), countedOf(dearer)];
  const lacking = Math.max(0, leastJudged - other.of);
  if (one.of > 0 && isWorse(one, other))
    return { ...names, verdict: 'worse', more: null, savedMicroUsd: 0 };
  const more = moreOf(one, other);
  if (more === 0 && lacking === 0)
    return { ...names, verdict: 'would_do', more: null, savedMicroUsd: saving };
  return {
    ...names,
    verdict: 'unseen',
    more: { cheaper: more, dearer: lacking },
    savedMicroUsd: 0,
  };
}

function countedOf({ good, judged }: ModelRecord): Counted {
  return { count: good, of: judged };
}

/** However many more there were that go like those so far, it would not do. */
function isWorse(one: Counted, other: Counted): boolean {
  return other.of > 0 && one.count / one.of - other.count / other.of <= -marginPoints / 100;
}

/** How many more steps like those so far it takes until the cheaper one surely is within the margin; 0: it is. */
function moreOf(one: Counted, other: Counted): number {
  const share = one.of === 0 ? 1 : one.count / one.of;
  const isEnough = (more: number): boolean => {
    const of = one.of + more;
    return of >= leastJudged && leastLead({ count: share * of, of }, other) >= -marginPoints / 100;
  };
  if (isEnough(0)) return 0;
  let [least, most] = [0, leastJudged];
  while (!isEnough(most) && most < mostMore) [least, most] = [most, most * 2];
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2);
    if (isEnough(middle)) most = middle;
    else least = middle;
  }
  return Math.min(most, mostMore);
}

function namesOf({ cheaper, dearer }: ModelComparison): string {
  return `${dearer} ${cheaper}`;
}
