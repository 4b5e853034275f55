import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import fc from 'fast-check';
import { SpanIds } from '../../core/base/telemetry/span-ids.ts';

/** What was exported of a span. */
export interface SeenSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly how: unknown;
  }[];
  readonly startMs: number;
  readonly endMs: number;
  /** Everything of it, as JSON. */
  readonly text: string;
}

type Processor = NonNullable<
  NonNullable<ConstructorParameters<typeof NodeSDK>[0]>['spanProcessors']
>[number];

/** OpenTelemetry's SDK in this process, with what it would export in memory. */
export class SpanRecorder {
  readonly ids = new SpanIds();
  readonly spans: SeenSpan[] = [];
  readonly #sdk: NodeSDK;

  constructor() {
    const processor: Processor = {
      onStart: () => {},
      onEnd: (span) => void this.spans.push(seen(span)),
      forceFlush: async () => {},
      shutdown: async () => {},
    };
    this.#sdk = new NodeSDK({
      ...{ idGenerator: this.ids, spanProcessors: [processor], autoDetectResources: false },
      ...{ logRecordProcessors: [], metricReaders: [] },
    });
    this.#sdk.start();
  }

  /** Ends it, and leaves nothing of it behind for other files of this process. */
  async close(): Promise<void> {
    await this.#sdk.shutdown();
    for (const api of [trace, context, propagation, metrics]) api.disable();
  }
}

function seen(span: Parameters<Processor['onEnd']>[0]): SeenSpan {
  const { name, attributes, links, startTime, endTime } = span;
  const { traceId, spanId } = span.spanContext();
  const at = ([seconds, nanoseconds]: readonly [number, number]) =>
    seconds * 1e3 + nanoseconds / 1e6;
  return {
    ...{ name, traceId, spanId, attributes },
    parentId: span.parentSpanContext?.spanId ?? null,
    links: links.map((link) => ({
      ...{ traceId: link.context.traceId, spanId: link.context.spanId },
      how: link.attributes?.['erp.link'],
    })),
    ...{ startMs: at(startTime), endMs: at(endTime) },
    text: JSON.stringify([name, attributes, links, span.events, span.status]),
  };
}

/** One item of a random run. */
const anItem = fc.constantFrom(
  ...(['ok', 'tool', 'stranger', 'propose', 'again', 'finding', 'flaky', 'down'] as const),
);
const someItems = fc
  .array(anItem, { maxLength: 4 })
  .map((fates) => fates.map((fate, index) => ({ id: `item-${index}`, fate })));

/** The input of a random run of `lab.above` (fixtures/telemetry.config.ts). */
export const aRun: fc.Arbitrary<unknown> = fc.record({ items: someItems, below: someItems });
