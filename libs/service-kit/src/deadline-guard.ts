/**
 * Catches malformed deadlines before grpc-js guesses at them.
 *
 * grpc-js looks for digits anywhere in `grpc-timeout`, so that `-5S` would pass as five seconds.
 * Node tells of each new HTTP/2 stream before grpc-js sees it; a value that the gRPC specification
 * does not allow is taken out there and noted in another header, which `CallContext` refuses.
 * Subscribed once per server, ended with it.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { BAD_DEADLINE_KEY } from "./call-context.ts";

const CHANNEL = "http2.server.stream.created";
const TIMEOUT_HEADER = "grpc-timeout";
const TIMEOUT_PATTERN = /^\d{1,8}[HMSmun]$/;

/** Begins to guard all HTTP/2 servers of this process, until the result is disposed. */
export function guardDeadlines(): Disposable {
  subscribe(CHANNEL, inspect);
  return {
    [Symbol.dispose](): void {
      unsubscribe(CHANNEL, inspect);
    },
  };
}

function inspect(message: unknown): void {
  const headers = (message as { headers?: Record<string, unknown> }).headers;
  if (headers === undefined) return;
  // Only this guard may set it.
  delete headers[BAD_DEADLINE_KEY];
  const timeout = headers[TIMEOUT_HEADER];
  if (timeout === undefined || (typeof timeout === "string" && TIMEOUT_PATTERN.test(timeout)))
    return;
  delete headers[TIMEOUT_HEADER];
  // What is shown of it later must be fit for a header.
  headers[BAD_DEADLINE_KEY] = (typeof timeout === "string" ? timeout : "more than one")
    .slice(0, 32)
    .replace(/[^\x20-\x7e]/g, "?");
}
