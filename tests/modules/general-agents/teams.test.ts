import assert from 'node:assert/strict';
import type { z } from '../../../core/index.ts';
import {
  codeReviewer,
  type systemArchitect,
  type testingSpecialist,
} from '../../../modules/general/index.ts';
import { openTestEngine } from '../../support/engine.ts';
import {
  type ModelApi,
  type ModelCallSeen,
  type ModelServer,
  startModelServer,
} from '../../support/model-server.ts';
import { verifies } from '../../support/verifies.ts';

const fixture = new URL('./fixtures/development-team.config.ts', import.meta.url);
const key = { TUTTI_TEST_KEY: 'a-key-of-the-tests' };
const models = { openai: 'gpt-6-luna', anthropic: 'claude-haiku-5-5' } as const;
const input = {
  task: 'Add a discount.',
  files: [{ path: 'src/price.ts', content: 'export const price = 1;\n' }],
};

const design: z.infer<typeof systemArchitect.output> = {
  summary: 'One function between price and invoice.',
  components: [{ name: 'discount', responsibility: 'r', dependsOn: [], interface: 'i' }],
  decisions: [{ decision: 'd', because: 'b', rejected: ['x'], revisitWhen: 'w' }],
  risks: [{ risk: 'rounding', impact: 'high', mitigation: 'decimals' }],
  questions: [],
};
const review: z.infer<typeof codeReviewer.output> = {
  verdict: 'approve_with_comments',
  summary: 'The price is a constant.',
  comments: [
    {
      ...{ file: 'src/price.ts', line: 1, severity: 'low', category: 'design' },
      ...{ comment: 'A constant cannot be discounted.', suggestion: null },
    },
  ],
};
const tests: z.infer<typeof testingSpecialist.output> = {
  strategy: 'Rules by unit tests.',
  cases: [
    {
      ...{ name: 'n', level: 'unit', priority: 'must', given: 'g', when: 'w', expect: 'e' },
      code: null,
    },
  ],
  gaps: [],
};

/** Answers as whoever is asked. The reviewer checks the syntax first. */
function answer({ instructions, messages }: ModelCallSeen) {
  if (instructions.includes('software architect')) return { text: JSON.stringify(design) };
  if (instructions.includes('test engineer')) return { text: JSON.stringify(tests) };
  const isChecked = messages.some(({ kind }) => kind === 'result');
  const code = input.files[0]?.content;
  const call = { name: 'general_validate_code', args: { language: 'typescript', code } };
  return isChecked ? { text: JSON.stringify(review) } : { calls: [call] };
}

describe('the development team', () => {
  let server: ModelServer;

  before(async () => {
    Object.assign(process.env, key);
    server = await startModelServer(answer);
  });
  after(async () => {
    delete process.env.TUTTI_TEST_KEY;
    await server.close();
  });

  for (const [api, model] of Object.entries(models) as [ModelApi, string][])
    it(`designs, reviews and plans tests on a model of ${api}`, async function () {
      verifies(
        'R3.team-factory',
        'R3.team-templates',
        'R14.examples',
        'R1.instruction',
        'R1.model-settings',
        'R1.staged-review',
      );
      const url = new URL(fixture);
      url.search = String(new URLSearchParams({ api, model, baseUrl: server.baseUrl(api) }));
      const tutti = await openTestEngine(url, { env: key });
      try {
        const tenantId = await tutti.host.store.tenant('ours');
        const seenBefore = server.calls.length;

        const { id, status } = await tutti.run('web_team', { tenantId, input });

        const steps = await tutti.history.steps(tenantId, id);
        assert.equal(status, 'succeeded', JSON.stringify(steps.map(({ error }) => error)));
        assert.deepEqual(await tutti.history.output(tenantId, id), { design, review, tests });
        assert.equal((await tutti.history.summary(tenantId, id)).toolCalls, 1);
        const calls = server.calls.slice(seenBefore);
        assert.equal(calls.length, 4);
        for (const { instructions, ...sent } of calls) {
          assert.deepEqual([sent.model, sent.maxOutputTokens], [model, 700]);
          assert.match(instructions, /This team writes TypeScript, SQL\.\nAmounts are decimals/);
        }
        const [asked] = calls.at(-1)?.messages ?? [];
        assert.match(JSON.stringify(asked), /One function between.*The price is a constant/);
      } finally {
        await tutti.close(this);
      }
    });

  it('says without a model which of its agents needs one', async function () {
    const tutti = await openTestEngine(fixture);
    try {
      const tenantId = await tutti.host.store.tenant('ours');

      const { id, status } = await tutti.run('web_team', { tenantId, input });

      assert.equal(status, 'failed');
      const [step] = await tutti.history.steps(tenantId, id);
      assert.equal(step?.error?.code, 'MODEL_REQUIRED');
      assert.match(step?.error?.message ?? '', /'web_team\.system_architect'.*OPENAI_API_KEY/);
    } finally {
      await tutti.close(this);
    }
  });

  it('is made of copies: the agents of the general module stay as they are', () => {
    assert.doesNotMatch(codeReviewer.instructions, /This team writes/);
  });
});
