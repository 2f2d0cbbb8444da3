/**
 * The links between all pairs of ends that speak with each other: datacenters, or replicas.
 *
 * A relay for each ordered pair: the first end reaches the second at its port. What one end sends
 * to another goes one lane, whichever of the two made the connection, so that a fault strikes the
 * link and not a connection. Owns its relays; knows nothing of what the ends are.
 */
import { Prng } from "@atoll/stdx";
import { Lane, WHOLE, type LaneConditions } from "./lane.ts";
import { Relay } from "./relay.ts";

export interface LinkEnd {
  readonly name: string;
  /** Where others reach it. */
  readonly port: number;
}

export interface LinksOptions {
  readonly ends: readonly LinkEnd[];
  /** Where `from` is to reach `to`. Default any free port. */
  readonly portOf?: (from: string, to: string) => number;
  /** Of what is lost. */
  readonly seed: number;
}

/** What makes a link slow; the same in both directions. */
export type Slowness = Omit<LaneConditions, "cut">;

/** One direction, as it is now. */
export interface LaneStatus extends LaneConditions {
  readonly from: string;
  readonly to: string;
  /** Made by `from` to `to`, and not yet over. */
  readonly connections: number;
  /** What `from` has sent to `to` on any connection. */
  readonly carriedBytes: number;
}

interface Path {
  readonly from: string;
  readonly to: string;
  readonly lane: Lane;
  readonly relay: Relay;
}

export class Links implements AsyncDisposable {
  readonly #paths: readonly Path[];

  private constructor(paths: readonly Path[]) {
    this.#paths = paths;
  }

  /** All whole. @throws when a port is taken; nothing is left listening then. */
  static async start(options: LinksOptions): Promise<Links> {
    const { ends, portOf } = options;
    const prng = new Prng(options.seed);
    const pairs = ends.flatMap((from) =>
      ends.filter((to) => to !== from).map((to) => ({ from: from.name, to })),
    );
    const nameOf = (from: string, to: string): string => `${from}>${to}`;
    const lanes = new Map(
      pairs.map(({ from, to }) => {
        const name = nameOf(from, to.name);
        return [name, new Lane(prng.child(name))];
      }),
    );
    const paths: Path[] = [];
    const links = new Links(paths);
    try {
      for (const { from, to } of pairs) {
        const lane = lanes.get(nameOf(from, to.name)) as Lane;
        const back = lanes.get(nameOf(to.name, from)) as Lane;
        const port = portOf?.(from, to.name) ?? 0;
        const relay = await Relay.start({ targetPort: to.port, port, forth: lane, back });
        paths.push({ from, to: to.name, lane, relay });
      }
      return links;
    } catch (error) {
      await links.close();
      throw error;
    }
  }

  /** Where `from` reaches `to`. */
  port(from: string, to: string): number {
    return this.#path(from, to).relay.port;
  }

  /** Nothing passes between the two; their connections stay open. */
  cut(one: string, other: string): void {
    this.mute(one, other);
    this.mute(other, one);
  }

  /** What `from` sends does not arrive at `to`. The other direction stays as it is. */
  mute(from: string, to: string): void {
    this.#lane(from, to).change({ cut: true });
  }

  /**
   * What `from` sends on connections that are there arrives at `to`, and nothing comes back. New
   * connections hang, whoever makes them.
   */
  oneWay(from: string, to: string): void {
    this.#lane(from, to).change({ cut: false });
    this.mute(to, from);
  }

  /** In both directions. What was cut stays cut. */
  slow(one: string, other: string, slowness: Slowness): void {
    this.#lane(one, other).change(slowness);
    this.#lane(other, one).change(slowness);
  }

  /** Breaks every connection between the two. */
  reset(one: string, other: string): void {
    this.#path(one, other).relay.reset();
    this.#path(other, one).relay.reset();
  }

  /** As it was at first: neither cut nor slow. */
  heal(one: string, other: string): void {
    this.#lane(one, other).change(WHOLE);
    this.#lane(other, one).change(WHOLE);
  }

  healAll(): void {
    for (const { lane } of this.#paths) lane.change(WHOLE);
  }

  resetAll(): void {
    for (const { relay } of this.#paths) relay.reset();
  }

  /** Each direction of each link, in the order of the ends. */
  status(): readonly LaneStatus[] {
    return this.#paths.map(({ from, to, lane, relay }) => ({
      from,
      to,
      ...lane.conditions,
      connections: relay.connectionCount,
      carriedBytes: lane.carriedBytes,
    }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#paths.map(({ relay }) => relay.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #lane(from: string, to: string): Lane {
    return this.#path(from, to).lane;
  }

  #path(from: string, to: string): Path {
    const found = this.#paths.find((path) => path.from === from && path.to === to);
    if (found !== undefined) return found;
    throw new TypeError(`there is no link from ${from} to ${to}`);
  }
}
