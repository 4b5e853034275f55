import type { Config, RateLimit } from '../../ports/config.ts';

/** The part of a configuration that limits calls. */
export type LimitConfig = Pick<
  Config,
  'modelLimits' | 'tenantLimit' | 'moduleLimits' | 'toolLimits' | 'erpLimit'
>;

const simulatedPrefix = 'simulated ';

/** Names of gates, which are what refusals, statistics and shares speak of. */
export const gateNames = {
  /** `endpoint`: set where two accounts serve the same model. */
  model: (model: string, endpoint?: string) =>
    endpoint === undefined ? `model:${model}` : `model:${model}@${endpoint}`,
  tenant: (tenantId: number) => `tenant:${tenantId}`,
  module: (module: string) => `module:${module}`,
  tool: (tool: string) => `tool:${tool}`,
  erp: (tenantId: number) => `erp:${tenantId}`,
  /** The gate of rehearsals, with the limits of the real one and nothing else in common with it. */
  simulated: (name: string) => `${simulatedPrefix}${name}`,
} as const;

/** Whether a gate is one of rehearsals: it concerns this engine alone. */
export function isSimulated(name: string): boolean {
  return name.startsWith(simulatedPrefix);
}

/** Whether a gate is that of a provider, whose word it follows. */
export function isModelGate(name: string): boolean {
  return name.startsWith('model:');
}

/** The configured limits of a gate by its name; none: `{}`. */
export function limitsOf(config: LimitConfig): (name: string) => RateLimit {
  return (name) => {
    const real = isSimulated(name) ? name.slice(simulatedPrefix.length) : name;
    const colon = real.indexOf(':');
    const own = real.slice(colon + 1);
    return limitOf(config, real.slice(0, colon), own) ?? {};
  };
}

function limitOf(config: LimitConfig, kind: string, own: string): RateLimit | undefined {
  switch (kind) {
    case 'model':
      return config.modelLimits?.[own] ?? config.modelLimits?.[own.split('@')[0] as string];
    case 'tenant':
      return config.tenantLimit;
    case 'module':
      return config.moduleLimits?.[own];
    case 'tool':
      return config.toolLimits?.[own];
    case 'erp':
      return config.erpLimit;
    default:
      return undefined;
  }
}
