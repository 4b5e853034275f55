import assert from 'node:assert/strict';
import { showSaving } from '../../bin/saving.ts';
import type { Terminal } from '../../bin/terminal.ts';
import {
  compareModels,
  type ModelRecord,
  withBounds,
} from '../../core/engine/costs/saving-verdict.ts';
import type { AgentSaving, SavingView } from '../../core/engine/costs/savings.ts';
import { verifies } from '../support/verifies.ts';

/** What is on record of a model, all of it good but for some. */
function record(model: string, judged: number, stepMicroUsd: number | null): ModelRecord {
  const none = { failed: 0, repaired: 0, refused: 0, ignored: 0 };
  return withBounds({ model, steps: judged, judged, good: judged, ...none, stepMicroUsd });
}

function savingOf(agent: string, ...models: readonly ModelRecord[]): AgentSaving {
  const comparisons = compareModels(models);
  return { agent, models, comparisons, savedMicroUsd: comparisons[0]?.savedMicroUsd ?? 0 };
}

/** What the command prints of a view. */
function printed(agents: readonly AgentSaving[]): string {
  const lines: string[] = [];
  const terminal = { say: (line = '') => void lines.push(line) } as Terminal;
  const savedMicroUsd = agents.reduce((sum, each) => sum + each.savedMicroUsd, 0);
  const view: SavingView = { days: 30, since: new Date(0), savedMicroUsd, agents };
  showSaving(terminal, view);
  return lines.join('\n');
}

describe('tutti costs --saving', () => {
  it('says of each agent which models have run it, and whether a cheaper one would have done', () => {
    verifies('R7.saving');
    const text = printed([
      savingOf('shop.sorter', record('deep', 200, 50_000), record('fast', 300, 5_000)),
      savingOf('shop.packer', record('deep', 200, 50_000), record('fast', 4, 5_000)),
      savingOf('shop.weigher', record('deep', 10, 50_000)),
      savingOf('shop.keeper', record('deep', 30, null), record('fast', 30, null)),
    ]);

    assert.match(text, /^Cheaper models would have done for \$9\.00 less in the last 30 days, by/);
    assert.match(text, /^shop\.sorter +deep +200 +200 +200 +98–100 % +\$0\.05$/m);
    assert.match(text, /^ {2}fast in place of deep: would have done, for \$9\.00 less\.$/m);
    assert.match(
      text,
      /^ {2}fast in place of deep: not enough seen; it takes \d+ steps of fast more/m,
    );
    assert.match(text, /^ {2}Only deep has run it: nothing to compare\.$/m);
    assert.match(text, /^ {2}No two of its models have prices that differ\.$/m);
  });
});
