import type { z } from 'zod';
import { EngineError } from '../base/errors.ts';
import { toPlainJson } from '../base/plain-data.ts';
import { excessOf, type Largest } from '../base/size.ts';
import type { AnyTool } from '../sdk/tool.ts';
import { issues } from './handler.ts';

/** What a call's arguments may have: they are digested, sent to whoever stores them and shown to people. */
const largest: Largest = { bytes: 8_000_000, values: 200_000 };

/** What a tool is called with, by its schema. @throws TOOL_INPUT_INVALID for what does not fit it, or is too large */
export function parseArgs(tool: AnyTool, args: unknown): unknown {
  const parsed = (tool.parameters as z.ZodType).safeParse(args);
  if (!parsed.success)
    throw new EngineError(
      'TOOL_INPUT_INVALID',
      `Tool '${tool.name}' does not take these arguments: ${issues(parsed.error)}.`,
    );
  // What is no plain data is refused where it would leave the thread.
  const excess = excessOf(toPlainJson(parsed.data) ?? 'null', largest);
  if (excess === null) return parsed.data;
  throw new EngineError(
    'TOOL_INPUT_INVALID',
    `What '${tool.name}' is called with ${excess}; pass ids, or make several calls of it.`,
  );
}
