import assert from 'node:assert/strict';
import type pg from 'pg';
import { toTurns } from '../../../core/engine/store/conversation.ts';
import { partsOf } from '../../../core/ports/recorded-turn.ts';
import { readAnswer, toRecord } from '../../../worker/thread/answer.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';

describe('an output that the model said to the letter', () => {
  let lab: TestEngine;
  let pool: pg.Pool;

  before(async () => {
    lab = await openTestEngine(new URL('../../support/fixtures/model.config.ts', import.meta.url));
    pool = lab.host.database.pool('tutti_engine', 1);
  });

  after(function () {
    return lab.close(this);
  });

  it('is stored once, with its turn, and read back as the step’s output and as the turn', async () => {
    verifies('R9.restart');
    const tenantId = await lab.host.store.tenant('said');

    const { id } = await lab.run('lab.ask', { tenantId, input: { items: [{ id: 'a' }] } });

    const { rows } = await pool.query<{ kind: string; class: string; isOf: boolean; body: string }>(
      `SELECT e.kind, p.class, p.seq = s.output_seq AS "isOf", convert_from(p.body, 'UTF8') AS body FROM tutti.step s
       JOIN tutti.entry e ON e.run_id = s.run_id AND e.step = s.id JOIN tutti.payload p ON p.run_id = e.run_id AND p.seq = e.seq
       WHERE s.run_id = $1 AND s.item_key = 'a' ORDER BY p.seq`,
      [id],
    );
    const text = '{"text":"by the model"}';
    assert.deepEqual(rows, [
      {
        kind: 'turn.ended',
        class: 'model',
        isOf: false,
        body: '[{"kind":"text","text":"no JSON"}]',
      },
      { kind: 'turn.ended', class: 'output', isOf: true, body: text },
    ]);
    const ends = (await lab.host.store.history(tenantId, id)).filter(
      ({ kind }) => kind === 'step.succeeded',
    );
    assert.equal(ends[0]?.body, text);
    const step = await lab.host.store.stepAt(tenantId, id, 'ask[a]');
    const turns = await lab.host.store.conversation(tenantId, id, step ?? -1);
    const { said, isOutput } = turns.at(-1) ?? {};
    assert.deepEqual([said, isOutput], [text, true]);
    assert.equal(turns.length, 2);
  });

  const agent = { output: { safeParse: (data: unknown) => ({ success: true, data }) } } as never;
  const recordOf = (...texts: readonly string[]) => {
    const parts = texts.map((text) => ({ kind: 'text', text }) as const);
    return toRecord({ parts }, readAnswer({ parts, stop: 'end' }, { agent, agentName: 'lab.a' }));
  };

  it('is told from one that only means the same', () => {
    assert.deepEqual(recordOf('{"a":1}'), { body: '{"a":1}', isOutput: true });
    for (const texts of [['{"a": 1}'], ['{"a"', ':1}'], ['{"a":1}\n'], ['no JSON']]) {
      const { body, isOutput } = recordOf(...texts);
      assert.equal(isOutput, undefined, body);
      assert.deepEqual(
        JSON.parse(body).map(({ text }: { text: string }) => text),
        texts,
      );
    }
  });

  it('comes back as the reply that it was, beside replies stored by their parts', () => {
    const parts = [{ kind: 'text', text: 'no JSON' }] as const;
    const rows = [
      { kind: 'turn.ended', data: { stop: 'end' }, body: JSON.stringify(parts) },
      { kind: 'turn.ended', data: { stop: 'end', isOutput: true }, body: '{"a":1}' },
    ] as const;

    assert.deepEqual(toTurns(rows).map(partsOf), [parts, [{ kind: 'text', text: '{"a":1}' }]]);
  });
});
