import { readText, Text, toVisible } from '../../core/base/text.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';

/** A tool's result as a model sees it. */
export interface Shown {
  readonly content: string;
  /** Fields whose free text is in it. */
  readonly revealed: readonly string[];
}

/** Characters of one text that a model sees: what is longer has been written for a model, not for whoever reads records. */
const longestShown = 4_000;
/** What stands around free text of records, for a model to tell it from everything else. It makes nothing safe: the label does. */
const marks = { open: '«record text»', close: '«end of record text»' } as const;

/** Writes a tool's result for a model: free text only where the tool reveals it, between marks. */
export function show(value: unknown, tool: AnyTool): Shown {
  const reveals = new Set(tool.reveals ?? []);
  const revealed = new Set<string>();
  const content = JSON.stringify(
    value,
    function (this: Readonly<Record<string, unknown>>, key: string, shown: unknown) {
      // JSON.stringify has asked a Text for its placeholder already; the holder still has the Text itself.
      const original = this[key];
      if (!(original instanceof Text) || !reveals.has(key)) return shown;
      revealed.add(key);
      return marked(readText(original));
    },
  );
  return { content: toVisible(content ?? 'null'), revealed: [...revealed] };
}

function marked(text: string): string {
  const plain = text.replace(/[«»]/g, '"');
  const cut = plain.slice(0, longestShown).toWellFormed();
  const left = plain.length - longestShown;
  const rest = left > 0 ? ` [${left} more characters]` : '';
  return `${marks.open}${cut}${rest}${marks.close}`;
}
