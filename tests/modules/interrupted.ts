import assert from 'node:assert/strict';
import type { TestScope } from 'tutti/testing';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { erpFor } from '../../core/ports/erp/records.ts';
import { nothingOutside } from '../../core/ports/outside.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';

const key = 'f00d'.repeat(16);

/**
 * Runs a tool's handler twice under one key, as after a crash between its write and the record of it; the second time must
 * bring the outcome of the first.
 */
export async function repeat(tool: AnyTool, args: object, scope: TestScope): Promise<void> {
  const { connector, today = '2026-06-30', entities = [] } = scope;
  const { signal } = new AbortController();
  const known = new Map([...sharedEntities, ...entities].map((entity) => [entity.name, entity]));
  const call = (): Promise<unknown> => {
    const erp = erpFor(connector, { entities: known, key: () => key, onRead: () => {}, signal });
    return tool.handle(tool.parameters.parse(args), { ...nothingOutside, erp, today, key, signal });
  };

  assert.deepEqual(await call(), await call());
}
