import type { HookMapping, HookSource } from '../../ports/hooks-config.ts';

/** Where the facts stand by default; of a CloudEvent its attributes say more than plain JSON does. */
export const plainMapping: HookMapping = {
  id: 'item.?id',
  type: 'item.?type',
  entity: 'item.?entity',
  record: 'item.?record',
  version: 'item.?version',
  time: 'item.?time',
};

/** Of a CloudEvent: its type names the entity, its subject the record. */
export const cloudEventMapping: HookMapping = {
  type: 'item.type',
  entity: 'item.type',
  record: 'item.?subject',
  time: 'item.?time',
};

/** What senders usually send; see docs/hooks.md, where each is described with its source. */
export const presets: Readonly<Record<NonNullable<HookSource['preset']>, HookMapping>> = {
  // The document as the webhook's JSON gives it: {{ doc | json }}, or single fields.
  frappe: {
    id: 'null',
    type: 'headers[?"x-frappe-event"]',
    entity: 'item.?doctype',
    record: 'item.?name',
    version: 'item.?modified',
    time: 'null',
  },
  odoo: {
    id: 'null',
    type: 'item._action',
    entity: 'item._model',
    record: 'item._id',
    version: 'item.?write_date',
    time: 'null',
  },
  'event-grid': {
    id: 'item.id',
    type: 'item.eventType',
    entity: 'item.eventType',
    record: 'item.subject',
    version: 'null',
    time: 'item.eventTime',
  },
  'business-central': {
    events: 'body.value',
    id: 'null',
    type: 'item.changeType',
    // api/v2.0/companies(…)/purchaseInvoices(<id>)
    entity:
      'item.resource.substring(item.resource.lastIndexOf("/") + 1, item.resource.lastIndexOf("("))',
    record:
      'item.resource.substring(item.resource.lastIndexOf("(") + 1, item.resource.lastIndexOf(")"))',
    version: 'null',
    time: 'item.?lastModifiedDateTime',
  },
};
