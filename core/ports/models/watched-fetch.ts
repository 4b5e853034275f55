import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Transformer } from 'node:stream/web';
import type { CallWatch } from './call-watch.ts';

// What an error says fits; the rest of a page that a proxy wrote is not worth reading.
const maxErrorBytes = 64 * 1024;

const watches = new AsyncLocalStorage<CallWatch>();

/** Runs `work` so that the requests it makes through `watchedFetch` report to `watch`; gives up as soon as it fails. */
export async function runWatched<T>(watch: CallWatch, work: () => Promise<T>): Promise<T> {
  const working = watches.run(watch, work);
  working.catch(() => undefined);
  return await Promise.race([working, watch.failed]);
}

/**
 * `fetch` for the provider SDKs: reports the connection, the head and each chunk of the body to the call's watch. It follows no
 * redirect: a key in a header of its own would go along to the other host.
 */
export const watchedFetch: typeof fetch = async (input, init) => {
  const watch = watches.getStore();
  if (watch) watchConnections();
  const response = await fetch(input, { ...init, redirect: 'error' });
  const { body, ok, status, statusText, headers } = response;
  watch?.hear({ status, headers }, !ok);
  if (!watch || !body) return response;
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>(ok ? count(watch) : cut(watch)),
  );
  return new Response(counted, { status, statusText, headers });
};

function count(watch: CallWatch): Transformer<Uint8Array, Uint8Array> {
  return {
    transform(chunk, controller) {
      watch.count(chunk.byteLength);
      controller.enqueue(chunk);
    },
  };
}

function cut(watch: CallWatch): Transformer<Uint8Array, Uint8Array> {
  let left = maxErrorBytes;
  return {
    transform(chunk, controller) {
      watch.count(chunk.byteLength);
      controller.enqueue(chunk.subarray(0, left));
      left -= chunk.byteLength;
      if (left <= 0) controller.terminate();
    },
  };
}

/**
 * Has the platform's `fetch` tell when a request waits for a connection and when it has one: it takes no deadline for that itself
 * but through a dispatcher, which it does not export. Idempotent; a platform that tells nothing leaves its own 10 s in place.
 * @see https://undici.nodejs.org/#/docs/api/DiagnosticsChannel
 */
function watchConnections(): void {
  for (const [channel, listener] of channels) {
    unsubscribe(channel, listener);
    subscribe(channel, listener);
  }
}

const requests = new WeakMap<object, CallWatch>();
const channels = [
  ['undici:request:create', begin],
  ['undici:client:sendHeaders', send],
] as const;

function begin(message: unknown): void {
  const watch = watches.getStore();
  if (!watch) return;
  requests.set(requestOf(message), watch);
  watch.connecting();
}

function send(message: unknown): void {
  requests.get(requestOf(message))?.connected();
}

function requestOf(message: unknown): object {
  return (message as { readonly request: object }).request;
}
