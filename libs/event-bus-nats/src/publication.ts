/**
 * What the stream's acknowledgement of a publication means.
 *
 * An acknowledgement of NATS 2.9 says that the message was taken in, not that it is durable. Used
 * by agent-bus.ts alone.
 */
import type { Msg } from "@nats-io/transport-node";
import { BusError, PUBLISH_TIMEOUT_MS } from "@atoll/event-bus";
import type { Outcome } from "./answers.ts";

/** Codes of JetStream's own, stable over its versions. */
const MAXIMUM_BYTES_EXCEEDED = 10_077;
const INSUFFICIENT_RESOURCES = 10_023;
const STORAGE_EXCEEDED = 10_047;
const MESSAGE_TOO_LARGE = 10_054;

interface Acknowledgement {
  readonly stream?: string;
  readonly seq?: number;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

/** Undefined when the stream has taken the message in. */
export function publicationError(outcome: Outcome): BusError | undefined {
  switch (outcome.type) {
    case "answer":
      return acknowledgementError(outcome.message);
    case "nobody":
      return new BusError("NO_STREAM", "the datacenter's stream does not exist yet");
    case "late":
      return new BusError("TIMEOUT", `no acknowledgement in ${PUBLISH_TIMEOUT_MS} ms`);
    case "disconnected":
      return new BusError("DISCONNECTED", "the connection ended before the answer came");
  }
}

function acknowledgementError(message: Msg): BusError | undefined {
  let answer: Acknowledgement;
  try {
    answer = message.json<Acknowledgement>();
  } catch (cause) {
    return new BusError("REFUSED", "the acknowledgement is not JSON", { cause });
  }
  if (answer.error === undefined && typeof answer.seq === "number") return undefined;
  const description = answer.error?.description ?? "the acknowledgement names no sequence";
  switch (answer.error?.err_code) {
    case MAXIMUM_BYTES_EXCEEDED:
    case INSUFFICIENT_RESOURCES:
    case STORAGE_EXCEEDED:
      return new BusError("STREAM_FULL", description);
    case MESSAGE_TOO_LARGE:
      return new BusError("TOO_LARGE", description);
    default:
      return new BusError("REFUSED", description);
  }
}
