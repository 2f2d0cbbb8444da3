/**
 * Dials a nats-server, and leaves nothing behind when that fails.
 *
 * The client library (3.4) gives up a server that takes the connection and is slow to greet, and
 * forgets its socket: it stays open, and the server, busy as it is, goes on serving it. A fleet
 * that returns to a server at its end would pile them up. So the sockets that a dial opens are
 * noted, by its asynchronous context, and destroyed when it fails. Used by nats-link.ts alone.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { connect } from "@nats-io/transport-node";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";

/** Published by Node for each socket before it connects. */
const SOCKET_CHANNEL = "net.client.socket";

/** As `connect` of the client library. */
export async function dial(options: ConnectionOptions): Promise<NatsConnection> {
  const sockets = new Set<Socket>();
  const context = new AsyncLocalStorage<true>();
  const note = (message: unknown): void => {
    if (context.getStore() === true) sockets.add((message as { readonly socket: Socket }).socket);
  };
  subscribe(SOCKET_CHANNEL, note);
  try {
    return await context.run(true, () => connect(options));
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw error;
  } finally {
    unsubscribe(SOCKET_CHANNEL, note);
  }
}
