/** The module of an agent, a tool or a hook, by its qualified name: `finance` of `finance.hold.place` and of `tool:finance.hold.place`. */
export function moduleOf(name: string): string {
  return name.replace(/^tool:/, '').split('.', 1)[0] as string;
}
