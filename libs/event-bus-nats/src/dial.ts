/**
 * Dials a nats-server, and leaves nothing behind when that fails or the server falls silent.
 *
 * The client library (3.4) gives up a server that takes the connection and is slow to greet, and
 * forgets its socket: it stays open, and the server, busy as it is, goes on serving it. A fleet
 * that returns to a server at its end would pile them up. So the sockets that a dial opens are
 * noted, by its asynchronous context, and destroyed when it fails. Nor does the library part from a
 * server that reads no more before it has sent all that waits, which is never: `cut` does. Used by
 * nats-link.ts alone.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { connect } from "@nats-io/transport-node";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";

/** Published by Node for each socket before it connects. */
const SOCKET_CHANNEL = "net.client.socket";

export interface Dialled {
  readonly connection: NatsConnection;
  /** Ends the connection at once, with what waits to be sent. */
  readonly cut: () => void;
}

/** As `connect` of the client library. */
export async function dial(options: ConnectionOptions): Promise<Dialled> {
  const sockets = new Set<Socket>();
  const context = new AsyncLocalStorage<true>();
  const note = (message: unknown): void => {
    if (context.getStore() === true) sockets.add((message as { readonly socket: Socket }).socket);
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  subscribe(SOCKET_CHANNEL, note);
  try {
    return { connection: await context.run(true, () => connect(options)), cut };
  } catch (error) {
    cut();
    throw error;
  } finally {
    unsubscribe(SOCKET_CHANNEL, note);
  }
}
