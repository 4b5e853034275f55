import { type Agent, defineAgent, type Module, type z } from 'tutti';

type Tools = Readonly<Record<string, Module['tools'][number]>>;

/** What a team changes of an agent. */
export interface Tailoring {
  /** Tools beside its own. @default none */
  readonly tools?: Tools | undefined;
  /** Said to it after its own instructions. @default nothing */
  readonly also?: string | undefined;
}

/** The same agent for another module: with further tools, which its model may call and its playbook does not, and further instructions. */
export function tailor<I extends z.ZodType, O extends z.ZodType, T extends Tools>(
  { kind: _kind, playbook: _playbook, procedure, ...declaration }: Agent<I, O, T>,
  { tools = {}, also }: Tailoring,
): Agent<I, O, T> {
  const named = Object.values(tools).map(({ name, description }) => `${name}: ${description}`);
  const instructions = [
    declaration.instructions,
    ...(named.length > 0 ? [`Further tools of yours:\n${named.join('\n')}`] : []),
    ...(also === undefined ? [] : [also]),
  ].join('\n\n');
  const tailored = defineAgent<I, O, T>({
    ...declaration,
    instructions,
    tools: { ...tools, ...declaration.tools },
  });
  return procedure ? tailored.playbook(procedure) : tailored;
}
