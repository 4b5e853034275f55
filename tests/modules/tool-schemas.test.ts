import assert from 'node:assert/strict';
import { defineAgent, type Module, z } from 'tutti';
import { Prompt } from '../../core/guard/prompt.ts';
import { toMessagesRequest } from '../../core/ports/models/anthropic-request.ts';
import { toChatRequest } from '../../core/ports/models/openai-chat.ts';
import { toResponsesRequest } from '../../core/ports/models/openai-responses.ts';
import { readNames } from '../../core/ports/models/tool-name.ts';
import { general } from '../../modules/general/index.ts';
import config from '../../tutti.config.ts';
import { verifies } from '../support/verifies.ts';

const modules: readonly Module[] = [...new Set([...config.modules, general])];
const tools = modules.flatMap((module) => module.tools);
const agent = defineAgent({
  name: 'all',
  purpose: 'Has every tool.',
  instructions: 'None.',
  input: z.object({}),
  output: z.object({ ok: z.boolean() }),
  tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])),
});
const request = new Prompt(agent).request('some-model', [], 100);

type Schema = Readonly<Record<string, unknown>>;

/** Every schema in a schema, with its depth of objects and lists. */
function nodesOf(
  schema: unknown,
  depth = 1,
): readonly { readonly node: Schema; readonly depth: number }[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const node = schema as Schema;
  const inner = [
    ...Object.values((node.properties ?? {}) as Schema),
    ...((node.anyOf ?? []) as readonly unknown[]),
    ...(node.items === undefined ? [] : [node.items]),
  ];
  return [{ node, depth }, ...inner.flatMap((each) => nodesOf(each, depth + (node.anyOf ? 0 : 1)))];
}

// https://developers.openai.com/api/docs/guides/structured-outputs (2026-11): what strict mode takes.
const strictKeys = new Set(
  'type properties required additionalProperties items anyOf enum const description pattern format multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems'.split(
    ' ',
  ),
);

describe('the schema of every loaded tool', () => {
  it('reaches OpenAI as a function, strict wherever strict mode can say it', () => {
    verifies('R1.tool-schema', 'R5.declare-tool');
    const { tools: sent = [] } = toResponsesRequest(request);
    assert.equal(sent.length, tools.length);
    let strict = 0;
    for (const each of sent) {
      assert.ok(
        each.type === 'function' && each.parameters?.type === 'object',
        JSON.stringify(each),
      );
      assert.match(each.name, /^[a-zA-Z0-9_-]{1,64}$/);
      if (!each.strict) continue;
      strict += 1;
      const nodes = nodesOf(each.parameters);
      assert.ok(
        Math.max(...nodes.map(({ depth }) => depth)) <= 10,
        `${each.name} is nested too deep`,
      );
      for (const { node } of nodes) {
        assert.deepEqual(
          Object.keys(node).filter((key) => !strictKeys.has(key)),
          [],
          each.name,
        );
        if (node.type !== 'object') continue;
        assert.equal(node.additionalProperties, false, each.name);
        assert.deepEqual(node.required, Object.keys(node.properties as Schema), each.name);
      }
    }
    assert.ok(strict >= tools.length * 0.8, `${strict} of ${tools.length} are strict`);
  });

  it('is the same in both of its forms of API', () => {
    const { tools: responses = [] } = toResponsesRequest(request);
    const { tools: chat = [] } = toChatRequest(request, true);

    assert.deepEqual(
      chat.map((each) => each.type === 'function' && each.function.parameters),
      responses.map((each) => each.type === 'function' && each.parameters),
    );
  });

  it('reaches Anthropic as the input of a tool, with nothing that its own schema does not say', () => {
    verifies('R1.tool-schema');
    const { tools: sent = [] } = toMessagesRequest(request);

    assert.equal(sent.length, tools.length);
    for (const [index, each] of sent.entries()) {
      assert.ok('input_schema' in each && each.input_schema.type === 'object');
      assert.match(each.name, /^[a-zA-Z0-9_-]{1,64}$/);
      assert.ok((each.description ?? '').length > 0);
      const known = nodesOf(request.tools[index]?.parameters).length;
      assert.equal(nodesOf(each.input_schema).length, known, each.name);
    }
  });

  it('has a name that leads back to its tool', () => {
    const read = readNames(tools);
    const { tools: sent = [] } = toMessagesRequest(request);

    assert.deepEqual(
      sent.map((each) => read((each as { readonly name: string }).name)),
      tools.map(({ name }) => name),
    );
  });
});
