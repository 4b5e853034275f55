import type { Connector } from '../../../core/ports/erp/connector.ts';
import { describeReading } from './connector-reading.ts';
import { describeWriting } from './connector-writing.ts';

/** The sentences that hold for every connector. `open` gives one that holds `conformanceRows`; each test that writes opens its own. */
export function describeConnector(name: string, open: () => Promise<Connector>): void {
  describe(`connector: ${name}`, () => {
    describeReading(open);
    describeWriting(open);
  });
}
