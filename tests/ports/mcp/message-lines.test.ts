import assert from 'node:assert/strict';
import { deserializeMessage } from '@modelcontextprotocol/client';
import fc from 'fast-check';
import { MessageLines } from '../../../core/ports/mcp/message-lines.ts';
import { largestMessage, mostValues, sized } from '../../../core/ports/mcp/message-size.ts';

/** Hears parts of a stream, and tells of each line what it said, or that it was no message. */
function heard(parts: readonly (string | Buffer)[]) {
  const lines = new MessageLines();
  const said: unknown[] = [];
  const hears = {
    onMessage: (message: unknown) => void said.push(message),
    onError: () => void said.push('none'),
  };
  const isReadable = parts.every((part) => lines.take(Buffer.from(part), hears));
  return { said, isReadable };
}

const many = Array(mostValues + 1).fill(0);

describe('messages of an MCP server', () => {
  it('are the same in whatever parts they come, and between lines that are none', () => {
    const message = fc.record({
      jsonrpc: fc.constant('2.0' as const),
      id: fc.nat(),
      result: fc.dictionary(fc.string(), fc.jsonValue()),
    });
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.integer({ min: 1, max: 9 })), (all, cuts) => {
        const lines = all.flatMap((each) => ['Ready: "', `${JSON.stringify(each)}\r`]);
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const parts: Buffer[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const length = cuts.length === 0 ? bytes.length : (cuts[cut % cuts.length] as number);
          parts.push(bytes.subarray(at, at + length));
          at += length;
        }

        // Beside members that nothing of JSON-RPC may have, as `__proto__`, it is what was said.
        const read = all.flatMap((each) => ['none', deserializeMessage(JSON.stringify(each))]);
        assert.deepEqual(heard(parts).said, read);
      }),
    );
  });

  it('are refused to whoever waits for one that has too many values, wherever it says for whom it is', () => {
    const own = { id: 'x"{,' };
    const result = { id: 3, all: many };
    for (const message of [
      { jsonrpc: '2.0', ...own, result },
      { result, jsonrpc: '2.0', ...own },
    ]) {
      const next = { jsonrpc: '2.0', id: 4, result: {} };
      const { said } = heard([`${JSON.stringify(message)}\n${JSON.stringify(next)}\n`]);

      const why = `the answer has more than ${mostValues} values; ask for less`;
      assert.deepEqual(said, [
        { jsonrpc: '2.0', id: own.id, error: { code: -32_600, message: why } },
        next,
      ]);
    }
  });

  it('cannot be read on after one that is longer than any', () => {
    const text = 'x'.repeat(largestMessage);

    assert.deepEqual(heard(['"', text]), { said: [], isReadable: false });
    assert.equal(heard(['\n', text]).isReadable, true);
  });

  for (const [what, type, body, isTaken] of [
    ['an answer', 'application/json', JSON.stringify(many), false],
    ['an answer of lines', 'application/json', JSON.stringify(many, null, 1), false],
    ['an event', 'text/event-stream', `data: ${JSON.stringify(many)}\n\n`, false],
    [
      'events together',
      'text/event-stream',
      `: don"t\ndata: ${JSON.stringify(many.slice(2))}\r\n\r\n`.repeat(3),
      true,
    ],
    ['a long text', 'application/json', JSON.stringify(`\\",[`.repeat(mostValues)), true],
  ] as const) {
    it(`over HTTP are ${isTaken ? 'taken' : 'refused'} by their values: ${what}`, async () => {
      const answer = new Response(body, { headers: { 'content-type': type } });
      const from = Object.defineProperty(answer, 'url', { value: 'http://127.0.0.1:1/mcp' });

      const read = sized(from).text();

      if (isTaken) assert.equal(await read, body);
      else
        await assert.rejects(read, { code: 'EGRESS_REFUSED', message: /more than 200000 values/ });
    });
  }
});
