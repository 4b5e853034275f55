/** How a property is tried. */
export interface Chances {
  readonly numRuns: number;
  readonly seed?: number;
  readonly path?: string;
}

/** Those of a property: FC_RUNS says how often it is tried, FC_SEED and FC_PATH try again what has failed. */
export function chances(usual: number): Chances {
  const { FC_RUNS, FC_SEED, FC_PATH } = process.env;
  return {
    numRuns: Number(FC_RUNS ?? usual),
    ...(FC_SEED !== undefined && { seed: Number(FC_SEED) }),
    ...(FC_PATH !== undefined && { path: FC_PATH }),
  };
}
