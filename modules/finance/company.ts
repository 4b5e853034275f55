import { EngineError, type Erp } from 'tutti';

/** The currency of a company's books. @throws RECORD_UNKNOWN */
export async function currencyOf(erp: Erp, company: string): Promise<string> {
  const found = await erp.company.find({ code: company });
  if (found) return found.currency;
  throw new EngineError(
    'RECORD_UNKNOWN',
    `No company has the code '${company}'; name one that exists.`,
  );
}
