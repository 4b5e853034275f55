import assert from 'node:assert/strict';
import type { TestScope } from 'tutti/testing';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { erpFor } from '../../core/ports/erp/records.ts';
import { nothingOutside } from '../../core/ports/outside.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';

/**
 * Runs a tool's handler twice under one key, as after a crash between its write and the record of it; the second time must
 * bring the outcome of the first.
 */
export async function repeat(tool: AnyTool, args: object, scope: TestScope): Promise<void> {
  const key = 'f00d'.repeat(16);

  assert.deepEqual(
    await handle(tool, args, { ...scope, key }),
    await handle(tool, args, { ...scope, key }),
  );
}

/** Runs a tool's handler under a key: those of two nights' proposals differ, though both may be granted. */
export async function handle(
  tool: AnyTool,
  args: object,
  scope: TestScope & { readonly key: string },
): Promise<unknown> {
  const { connector, today = '2026-06-30', entities = [], key } = scope;
  const { signal } = new AbortController();
  const known = new Map([...sharedEntities, ...entities].map((entity) => [entity.name, entity]));
  const erp = erpFor(connector, { entities: known, key: () => key, onRead: () => {}, signal });
  const context = { ...nothingOutside, erp, today, key, signal };
  return await tool.handle(tool.parameters.parse(args), context);
}
