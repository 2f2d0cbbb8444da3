/**
 * Sends one message without ever throwing.
 *
 * A connection may have ended a moment ago, and a server may take less than the bus allows; neither
 * is worth more than a message that is not sent. Used by both ends.
 */
import type { NatsConnection } from "@nats-io/transport-node";

export type SendOptions = NonNullable<Parameters<NatsConnection["publish"]>[2]>;

/** Whether the server takes a payload of this size. */
export function fits(connection: NatsConnection, payload: Uint8Array): boolean {
  const most = connection.info?.max_payload ?? 0;
  return payload.length <= most;
}

/** Sends, or does nothing when it cannot be sent. */
export function send(
  connection: NatsConnection | undefined,
  subject: string,
  payload: Uint8Array,
  options?: SendOptions,
): void {
  if (connection === undefined || connection.isClosed() || !fits(connection, payload)) return;
  connection.publish(subject, payload, options);
}
