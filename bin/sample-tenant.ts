/** The name of the tenant that holds the sample company of a scale and a seed. */
export function sampleSlug(scale: number, seed = 1): string {
  return seed === 1 ? `sample-${scale}` : `sample-${scale}-${seed}`;
}

/** Whether a tenant holds a sample company, of any scale and seed. */
export function isSample(slug: string): boolean {
  return /^sample-\d+(-\d+)?$/.test(slug);
}
