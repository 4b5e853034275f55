import { EngineError } from '../base/errors.ts';
import type { Row } from '../sdk/entity.ts';
import type { Posting, ToolContext } from '../sdk/tool.ts';
import type { PostingFact } from './facts.ts';
import { ask } from './handler.ts';
import type { Call } from './scope.ts';

type Period = Row<'fiscal_period'>;

/**
 * Where a call posts, and whether the books are open there. It is looked up anew for every call: a lock that comes between a
 * proposal and its dispatch holds. Null for what posts nothing, and where nobody keeps periods.
 * @throws TOOL_REFUSED when nobody says for which company · what the tool or the ERP throws
 */
export async function postingOf(call: Call, args: unknown): Promise<PostingFact | null> {
  const { tool, scope } = call;
  if (!tool.posts) return null;
  return await ask(call, async (context) => {
    const posting: Posting | null = (await tool.posts?.(args, context)) ?? null;
    if (!posting) return null;
    const company = posting.company ?? scope.company;
    if (company !== null) {
      const known = { ...posting, company };
      call.posting = known;
      return await stateOf(known, call, context);
    }
    throw new EngineError(
      'TOOL_REFUSED',
      `'${tool.name}' posts on ${posting.date}, but neither the call nor the run says for which company; name one.`,
    );
  });
}

async function stateOf(
  { company, date, ledger, adjustment = false }: Posting & { readonly company: string },
  { scope }: Call,
  { erp }: ToolContext,
): Promise<PostingFact | null> {
  const { entities } = await scope.connector.describe();
  if (!entities.fiscal_period) return null;
  const { fiscal_period: periods } = erp;
  const holding = { from: { lte: date }, to: { gte: date }, adjustment };
  const ledgers = ['general' as const, ...(ledger ? [ledger] : [])];
  const found = await periods.list({ company, ledger: { in: ledgers }, ...holding });
  const common = { company, date };
  const general = found.filter((each) => each.ledger === 'general');
  if (general.length === 0) {
    const isKept = (await periods.list({ company, ledger: 'general' })).length > 0;
    return isKept ? { ...common, period: null, ledger: 'general', state: 'missing' } : null;
  }
  const { code, ledger: strictest, state } = found.reduce(stricter);
  return { ...common, period: code, ledger: strictest, state };
}

const strictness = { open: 0, soft_closed: 1, locked: 2 } as const;

function stricter(one: Period, other: Period): Period {
  return strictness[other.state] > strictness[one.state] ? other : one;
}
