import type { Tool } from '@modelcontextprotocol/client';

/** What says where a call goes, and is no argument of it. */
const routing: readonly string[] = ['server_name', 'server'];

/** Arguments as a server gets them. A tool that has a parameter of such a name itself keeps it. */
export function withoutRouting(
  tool: Pick<Tool, 'inputSchema'> | undefined,
  args: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const own = Object.keys(tool?.inputSchema.properties ?? {});
  const isKept = ([name]: readonly [string, unknown]): boolean =>
    own.includes(name) || !routing.includes(name);
  return Object.fromEntries(Object.entries(args).filter(isKept));
}
