import type { Generated } from 'kysely';
import type { DefaultedTime, Json, NullableJson, NullableTime, Time } from './columns.ts';
import type {
  HookCursorTable,
  HookEventTable,
  HookFiringTable,
  HookPauseTable,
  HookSeenTable,
} from './hook-tables.ts';
import type {
  ApprovalTable,
  ApprovalVoteTable,
  AttemptTable,
  DataKeyTable,
  DelegationTable,
  EffectDocumentTable,
  EffectTable,
  EntryTable,
  ErasureTable,
  ExplanationTable,
  FeedTable,
  FindingTable,
  HoldTable,
  InboxTable,
  LedgerTable,
  MasterKeyTable,
  PayloadTable,
  RunTable,
  StepTable,
} from './run-tables.ts';
import type { BackfillTable, ScheduleSlotTable, ScheduleTable } from './schedule-tables.ts';
import type {
  AlertTable,
  DeliveryAttemptTable,
  MessageTable,
  MorningReportTable,
  NoticeTable,
  ServiceTurnTable,
  WebhookPlaceTable,
  WebhookSecretTable,
  WebhookTable,
} from './service-tables.ts';
import type {
  DefinitionKind,
  DeliveryState,
  EngineState,
  PublicationKind,
  TriageState,
} from './states.ts';

/*
 * The tables of schema `tutti` as Kysely sees them: one interface a table, names in camelCase (see kysely.ts). What the
 * columns mean stands in migrations/; a test compares the two.
 */

/** What this database is; one row. */
export interface MetaTable {
  readonly one: Generated<boolean>;
  readonly schemaVersion: number;
  readonly minReader: number;
  readonly migratedAt: DefaultedTime;
}

/** A tenant: a number in keys, a slug outside. 0 is what Tutti ships. */
export interface TenantTable {
  readonly id: Generated<number>;
  readonly slug: string;
  readonly createdAt: DefaultedTime;
  readonly suspendedAt: NullableTime;
}

/** The lease of one process; `id` is its boot id. */
export interface EngineTable {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly pidStarted: Time;
  readonly version: string;
  readonly readsJournalV: string;
  readonly state: Generated<EngineState>;
  readonly leaseUntil: Time;
  readonly process: string | null;
  /** What it has made of the modules that are loaded while it runs (jsonb). */
  readonly modules: Generated<unknown>;
}

/** The number of an engine's last flush that committed. */
export interface FlushTable {
  readonly engineId: string;
  readonly no: number;
}

/** One engine's part of a limit that several engines share. */
export interface ShareTable {
  readonly resource: string;
  readonly kind: string;
  readonly engineId: string;
  readonly amount: number;
  readonly used: Generated<number>;
  readonly usedUntil: Time;
  readonly spanMs: number;
  readonly demand: number;
  readonly unit: number;
  readonly fedAt: Time;
}

/** What was used of a limit an hour or a day; `expire`: ms since the epoch. */
export interface RateWindowTable {
  readonly key: string;
  readonly points: Generated<number>;
  readonly expire: number | null;
}

/** A module that was loaded, by the digest of its manifest. */
export interface ModuleTable {
  readonly name: string;
  readonly digest: Buffer;
  readonly version: string;
  readonly manifest: Json;
  readonly state: string;
  readonly loadedAt: Time;
}

/** A module that is to be loaded while Tutti runs, or was taken away. */
export interface ModuleLoadTable {
  readonly name: string;
  readonly generation: number;
  readonly version: string;
  /** SHA-256 of the files that were checked, hex. */
  readonly code: string;
  readonly wanted: boolean;
  readonly actor: Json;
  readonly at: DefaultedTime;
}

/** A published declaration; tenant 0 = shipped. */
export interface DefinitionTable {
  readonly tenantId: number;
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly version: number;
  readonly digest: Buffer;
  readonly body: Json;
  readonly module: string | null;
  readonly publishedBy: string;
  readonly publishedAt: DefaultedTime;
}

/** Which version of a definition somebody put in force; the newest of a name counts. */
export interface PublicationTable {
  readonly tenantId: number;
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly no: number;
  readonly how: PublicationKind;
  readonly version: number | null;
  readonly actor: Json;
  readonly at: DefaultedTime;
  readonly effective: NullableTime;
  readonly askedBy: NullableJson;
}

/** A word about a version that needs a second person. */
export interface PublicationAskTable {
  readonly tenantId: number;
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly no: number;
  readonly how: PublicationKind;
  readonly version: number | null;
  readonly effective: NullableTime;
  readonly afterNo: number;
  readonly actor: Json;
  readonly at: DefaultedTime;
}

/** A limit with what is reserved and settled against it. */
export interface BudgetTable {
  readonly tenantId: number;
  readonly scope: string;
  readonly period: string;
  readonly limitMicroUsd: number;
  readonly reservedMicroUsd: Generated<number>;
  readonly settledMicroUsd: Generated<number>;
  /** When it passed its warning mark. */
  readonly warnedAt: NullableTime;
}

/** What people decided about a finding, over all runs. */
export interface TriageTable {
  readonly tenantId: number;
  readonly fingerprint: Buffer;
  readonly state: TriageState;
  readonly firstRun: string;
  readonly lastRun: string;
  readonly assignee: string | null;
  /** Of the last word; null: nobody has said anything yet. */
  readonly note: string | null;
  readonly actor: NullableJson;
  readonly at: NullableTime;
}

/** An event on its way out. */
export interface DeliveryTable {
  readonly tenantId: number;
  readonly id: string;
  readonly endpointId: string;
  readonly type: string;
  readonly body: Buffer;
  readonly attempt: Generated<number>;
  readonly nextAt: NullableTime;
  readonly state: DeliveryState;
  readonly last: NullableJson;
  readonly event: Generated<string>;
  readonly createdAt: DefaultedTime;
  readonly endedAt: NullableTime;
  readonly claimedUntil: NullableTime;
  readonly replayedFrom: Generated<number>;
}

/** One link of the chain of administrative acts. */
export interface AuditTable {
  readonly tenantId: number;
  readonly seq: number;
  readonly prev: Buffer;
  readonly hash: Buffer;
  readonly at: Time;
  readonly actor: Json;
  readonly action: string;
  readonly target: string;
  readonly data: Json;
}

/** How far a tenant's audit log went, signed. */
export interface AuditHeadTable {
  readonly tenantId: number;
  readonly seq: number;
  readonly hash: Buffer;
  readonly at: string;
  readonly publicKey: Buffer;
  readonly signature: Buffer;
}

/** A key of the API; only its hash is kept. */
export interface ApiKeyTable {
  readonly tenantId: number;
  readonly id: string;
  readonly prefix: string;
  readonly hash: Buffer;
  readonly name: string;
  readonly roles: readonly string[];
  readonly scopes: Json;
  readonly expiresAt: NullableTime;
  readonly revokedAt: NullableTime;
  readonly person: string | null;
  readonly rate: string | null;
  readonly madeBy: Json;
  readonly madeAt: DefaultedTime;
  readonly lastUsedAt: NullableTime;
  readonly oldPrefix: string | null;
  readonly oldHash: Buffer | null;
  readonly oldUntil: NullableTime;
}

/** A session of somebody in a browser; only the hash of its cookie is kept. */
export interface SessionTable {
  readonly tenantId: number;
  readonly id: string;
  readonly hash: Buffer;
  readonly principal: string;
  readonly keyId: string | null;
  readonly keyPrefix: string | null;
  readonly issuer: string | null;
  readonly tokenId: string | null;
  readonly bearer: NullableJson;
  readonly madeAt: Time;
  readonly seenAt: Time;
  readonly idleUntil: Time;
  readonly expiresAt: Time;
  readonly userAgent: string;
  readonly address: string;
}

/** A token of an issuer that is refused before it expires, by its `jti`. */
export interface DeniedTokenTable {
  readonly tenantId: number;
  readonly issuer: string;
  readonly id: string;
  readonly until: Time;
  readonly deniedBy: Json;
  readonly at: DefaultedTime;
}

/** A value set at run time by the API. */
export interface SettingTable {
  readonly tenantId: number;
  readonly name: string;
  readonly value: Json;
  readonly actor: Json;
  readonly at: Time;
}

/** What people have stopped, standing or lifted. */
export interface StopTable {
  readonly tenantId: number;
  readonly id: string;
  readonly reach: string;
  readonly reason: string;
  readonly actor: Json;
  readonly at: DefaultedTime;
  readonly liftedBy: Json | null;
  readonly liftedAt: Time | null;
  readonly liftReason: string | null;
}

/** Definitions of the tools of MCP servers that somebody may call: the newest of a tool counts. */
export interface McpToolTable {
  readonly tenantId: number;
  readonly server: string;
  readonly tool: string;
  readonly no: number;
  readonly digest: Buffer;
  readonly definition: string;
  readonly acceptedBy: Json | null;
  readonly at: DefaultedTime;
}

/** Every table by its name in queries. */
export interface Tables {
  readonly meta: MetaTable;
  readonly tenant: TenantTable;
  readonly engine: EngineTable;
  readonly flush: FlushTable;
  readonly share: ShareTable;
  readonly rateWindow: RateWindowTable;
  readonly module: ModuleTable;
  readonly moduleLoad: ModuleLoadTable;
  readonly definition: DefinitionTable;
  readonly publication: PublicationTable;
  readonly publicationAsk: PublicationAskTable;
  readonly run: RunTable;
  readonly step: StepTable;
  readonly attempt: AttemptTable;
  readonly entry: EntryTable;
  readonly payload: PayloadTable;
  readonly feed: FeedTable;
  readonly inbox: InboxTable;
  readonly explanation: ExplanationTable;
  readonly effect: EffectTable;
  readonly effectDocument: EffectDocumentTable;
  readonly approval: ApprovalTable;
  readonly approvalVote: ApprovalVoteTable;
  readonly delegation: DelegationTable;
  readonly budget: BudgetTable;
  readonly ledger: LedgerTable;
  readonly finding: FindingTable;
  readonly triage: TriageTable;
  readonly hookEvent: HookEventTable;
  readonly hookFiring: HookFiringTable;
  readonly hookSeen: HookSeenTable;
  readonly hookPause: HookPauseTable;
  readonly hookCursor: HookCursorTable;
  readonly delivery: DeliveryTable;
  readonly schedule: ScheduleTable;
  readonly scheduleSlot: ScheduleSlotTable;
  readonly backfill: BackfillTable;
  readonly audit: AuditTable;
  readonly auditHead: AuditHeadTable;
  readonly apiKey: ApiKeyTable;
  readonly session: SessionTable;
  readonly deniedToken: DeniedTokenTable;
  readonly setting: SettingTable;
  readonly stop: StopTable;
  readonly mcpTool: McpToolTable;
  readonly webhook: WebhookTable;
  readonly webhookSecret: WebhookSecretTable;
  readonly webhookPlace: WebhookPlaceTable;
  readonly deliveryAttempt: DeliveryAttemptTable;
  readonly notice: NoticeTable;
  readonly message: MessageTable;
  readonly morningReport: MorningReportTable;
  readonly alert: AlertTable;
  readonly serviceTurn: ServiceTurnTable;
  readonly hold: HoldTable;
  readonly dataKey: DataKeyTable;
  readonly masterKey: MasterKeyTable;
  readonly erasure: ErasureTable;
}
