/** What a run says about itself for as long as it lives. */
export interface RunFacts {
  readonly tenantId: number;
  readonly id: string;
  readonly workflow: string;
  readonly input: unknown;
  /** Company code, or null for a run over the whole group. */
  readonly company: string | null;
  readonly businessDate: string;
  readonly timeZone: string;
  readonly priority: number;
  readonly attended: boolean;
  readonly createdAt: number;
  /** The journal version of the release that made it: what it names, such as keys of writes, keeps its names. */
  readonly journal: number;
}
