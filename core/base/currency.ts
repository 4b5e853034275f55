/** Currencies whose smallest unit is no hundredth, by its decimal places (ISO 4217, list one, of 2024). */
const others: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};

const places: ReadonlyMap<string, number> = new Map(
  Object.entries(others).flatMap(([digits, codes]) =>
    codes.split(' ').map((code) => [code, Number(digits)] as const),
  ),
);

/** Decimal places in which amounts of a currency are paid: 2 for most, 0 for JPY, 3 for KWD. */
export function minorPlaces(currency: string): number {
  return places.get(currency) ?? 2;
}
