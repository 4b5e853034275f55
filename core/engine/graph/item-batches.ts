import type { Cel, ForeachNode } from '../../sdk/node.ts';
import type { CompiledForeach } from './compiled.ts';
import type { Expression } from './expression.ts';
import { invalid } from './fault.ts';

/** An answer for more than these no model gives. */
const mostItems = 1_000;

/** How a foreach puts its items together; null: each goes by itself. @throws WORKFLOW_INVALID · EXPRESSION_INVALID */
export function itemBatches(
  { batch, body }: Pick<ForeachNode, 'batch' | 'body'>,
  path: string,
  parse: (cel: Cel, path: string) => Expression,
): CompiledForeach['batch'] {
  if (!batch) return null;
  const { by, most } = batch;
  if (body.length !== 1 || body[0]?.kind !== 'task')
    throw invalid(path, 'works in batches, which one agent alone can; name it in agent');
  if (!Number.isInteger(most) || most < 1 || most > mostItems)
    throw invalid(
      path,
      `puts ${most} items into a batch; give a whole number from 1 to ${mostItems}`,
    );
  return { by: by ? parse(by, `${path}.batch.by`) : null, most };
}
