import { readText, Text } from '../core/base/text.ts';
import type { AnyTool } from '../core/sdk/tool.ts';

/** A tool's result as a model sees it. */
export interface Shown {
  readonly content: string;
  /** Whether free text of records is in it. */
  readonly external: boolean;
}

/** Writes a tool's result for a model: free text only where the tool reveals it, which makes the context external. */
export function show(value: unknown, tool: AnyTool): Shown {
  const reveals = new Set(tool.reveals ?? []);
  let external = false;
  const content = JSON.stringify(
    value,
    function (this: Readonly<Record<string, unknown>>, key: string, shown: unknown) {
      // JSON.stringify has asked a Text for its placeholder already; the holder still has the Text itself.
      const original = this[key];
      if (!(original instanceof Text) || !reveals.has(key)) return shown;
      external = true;
      return readText(original);
    },
  );
  return { content: content ?? 'null', external };
}
