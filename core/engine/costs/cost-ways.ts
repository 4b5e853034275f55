/** Ways to add costs up. */
export const costWays = ['model', 'module', 'workflow', 'agent', 'run', 'day'] as const;
export type CostWay = (typeof costWays)[number];
