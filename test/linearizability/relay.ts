/**
 * A link from one replica to another that can be held up, each direction by itself, and reset.
 *
 * A relay on loopback: it forwards bytes between whoever connects and the target. A direction that
 * is cut forwards nothing, while the other goes on; neither end is told, as with a cable that lost
 * one strand. What was held is forwarded when the link heals, or lost with its connection when it
 * is reset.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

export type Direction = "forth" | "back";

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
}

export class Relay {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #cut = new Set<Direction>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(targetPort: number): Promise<Relay> {
    const server = createServer({ pauseOnConnect: true });
    const relay = new Relay(server);
    server.on("connection", (near) => relay.#connect(near, targetPort));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(direction: Direction): void {
    this.#cut.add(direction);
    for (const { near, far } of this.#connections) (direction === "forth" ? near : far).pause();
  }

  /** Lets everything through again. */
  heal(): void {
    this.#cut.clear();
    for (const { near, far } of this.#connections) {
      near.resume();
      far.resume();
    }
  }

  /**
   * Breaks every connection; both ends notice.
   *
   * Not by `resetAndDestroy()`: where a shutdown is under way, Node's reset fails with EINVAL and
   * leaves a handle that can no longer be closed, so that the process never exits.
   */
  reset(): void {
    for (const { near, far } of this.#connections) {
      near.destroy();
      far.destroy();
    }
    this.#connections.clear();
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect(near: Socket, targetPort: number): void {
    const far = connect({ host: "127.0.0.1", port: targetPort });
    const connection = { near, far };
    this.#connections.add(connection);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#connections.delete(connection);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes: Buffer) => this.#forward(near, far, bytes, "forth"));
    far.on("data", (bytes: Buffer) => this.#forward(far, near, bytes, "back"));
    if (this.#cut.has("forth")) near.pause();
    else near.resume();
    if (this.#cut.has("back")) far.pause();
  }

  #forward(from: Socket, to: Socket, bytes: Buffer, direction: Direction): void {
    if (to.write(bytes)) return;
    from.pause();
    to.once("drain", () => {
      if (!this.#cut.has(direction)) from.resume();
    });
  }
}
