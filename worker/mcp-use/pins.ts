import type { McpPin, McpPins } from '../../core/ports/db/mcp-pins.ts';

/** Pins that live as long as their session: what a tool was at first sight it stays. */
export function sessionPins(): McpPins {
  const pinned = new Map<string, McpPin>();
  return {
    read: async () => new Map(pinned),
    async first(_server, tools) {
      for (const each of tools) {
        if (pinned.has(each.tool)) continue;
        pinned.set(each.tool, { ...each, acceptedBy: null, at: new Date() });
      }
    },
    async accept(_server, tools, by) {
      const acceptedBy = typeof by === 'string' ? by : by.id;
      for (const each of tools) pinned.set(each.tool, { ...each, acceptedBy, at: new Date() });
    },
  };
}
