import assert from 'node:assert/strict';
import fc from 'fast-check';
import { runTool } from 'tutti/testing';
import { jsonFault } from '../../../modules/general/json-fault.ts';
import { jsonParse } from '../../../modules/general/tools/json-parse.ts';
import { jsonStringify } from '../../../modules/general/tools/json-stringify.ts';
import { verifies } from '../../support/verifies.ts';

describe('general.json_parse and general.json_stringify', () => {
  it('give any JSON data back after both, plain, indented and canonical', async () => {
    verifies('R5.json-tools');
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue({ noUnicodeString: false }),
        fc.constantFrom({}, { indent: 2 }, { canonical: true }),
        async (value, how) => {
          const { text } = (await given(jsonStringify, { value, ...how })) as { text: string };
          const back = (await given(jsonParse, { text })) as { value: unknown };
          assert.deepEqual(back.value, JSON.parse(JSON.stringify(value)));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('give equal data one canonical text, as RFC 8785 has it', async () => {
    const value = {
      '€': 1,
      '\r': 2,
      ב: 3,
      '1': 4,
      '10': 5,
      '9': [1e21, 0.000001, 1e-7, -0, 'ö\n'],
    };

    const { text } = (await given(jsonStringify, { value, canonical: true })) as { text: string };

    assert.equal(text, '{"\\r":2,"1":4,"10":5,"9":[1e+21,0.000001,1e-7,0,"ö\\n"],"ב":3,"€":1}');
    assert.equal(
      await failing(jsonStringify, { value, canonical: true, indent: 2 }),
      'TOOL_INPUT_INVALID',
    );
    assert.equal(
      await failing(jsonStringify, { value: ['\uD800'], canonical: true }),
      'INPUT_INVALID',
    );
  });

  it('keep amounts as they are written, when asked', async () => {
    const text = '{"amount": 12345678901234567.10, "n": [1e2]}';

    const { value } = (await given(jsonParse, { text, numbers: 'text' })) as { value: unknown };

    assert.deepEqual(value, { amount: '12345678901234567.10', n: ['1e2'] });
  });

  it('name line and column of what is no JSON', async () => {
    verifies('R5.tool-errors');
    const run = await runTool(jsonParse, { text: '{\n  "a": [1, 2,]\n}' });

    assert.ok(run.kind === 'error' && run.error.code === 'INPUT_INVALID');
    assert.match(run.error.message, /line 2, column 14: '\]' stands where a value is expected/);
  });

  it('refuse what is nested too deeply, and take what is just not', async () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

    await given(jsonParse, { text: nested(64) });

    assert.equal(await failing(jsonParse, { text: nested(65) }), 'INPUT_INVALID');
    assert.equal(await failing(jsonParse, { text: '['.repeat(500_000) }), 'INPUT_INVALID');
  });
});

describe('jsonFault', () => {
  it('finds a fault in exactly the texts that JSON.parse refuses, in the text', () => {
    const broken = fc
      .tuple(fc.json(), fc.nat(), fc.nat(3), fc.constantFrom('', ...',:[]{}"\\\u0001 1-.eEtnf/u'))
      .map(([text, at, length, sign]) => {
        const start = at % (text.length + 1);
        return text.slice(0, start) + sign + text.slice(start + length);
      });
    const tokens = fc
      .array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '1', '-', 'true', ' ', '\n'))
      .map((parts) => parts.join(''));

    fc.assert(
      fc.property(fc.oneof(broken, tokens, fc.json(), fc.string()), (text) => {
        const fault = jsonFault(text, 10_000);
        assert.equal(fault === null, parses(text), text);
        if (fault) assert.ok(text.split(/\r\n|\n|\r/).length >= fault.line && fault.column >= 1);
      }),
      { numRuns: 2_000 },
    );
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function given(tool: Parameters<typeof runTool>[0], args: object): Promise<unknown> {
  const run = await runTool(tool, args);
  assert.ok(run.kind === 'result', JSON.stringify(run));
  return run.value;
}

async function failing(tool: Parameters<typeof runTool>[0], args: object): Promise<string> {
  const run = await runTool(tool, args);
  return run.kind === 'error' ? run.error.code : run.kind;
}
