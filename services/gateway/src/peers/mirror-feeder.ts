/**
 * Keeps the mirror of another datacenter fed, over whatever way there is, for ever.
 *
 * Straight from the datacenter when it can be had there, else from a third one that mirrors it;
 * back to the straight way once that is there again. Goes on behind the last applied index after
 * every break. A mirror that is not what its source says is fetched anew, and that is said loudly.
 */
import { createHash } from "node:crypto";
import { type Divergence, type Hasher, MirrorIntake, type MirrorTarget } from "@atoll/federation";
import type { Log } from "@atoll/service-kit";
import type { MirrorFeed } from "../islands/reads.ts";
import type { LogListener, LogRoute } from "./log-route.ts";
import type { Routes } from "./routes.ts";

const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 2_000;
/** While the mirror is held up, how often it is looked whether it still is. */
const ROOM_CHECK_MS = 5;

export interface MirrorFeederOptions {
  readonly datacenter: string;
  readonly routes: Routes;
  readonly target: MirrorTarget;
  readonly groupId: () => string;
  /** True while the disk of the mirror cannot keep up. */
  readonly isFull: () => boolean;
  /** The mirror is fed another way now: through these datacenters, the home's first. */
  readonly wayChanged: (way: readonly string[]) => void;
  readonly log: Log;
}

export class MirrorFeeder implements MirrorFeed, Disposable {
  readonly #options: MirrorFeederOptions;
  readonly #routesSeen: Disposable;
  #route: LogRoute | undefined;
  #listener: LogListener | undefined;
  #intake: MirrorIntake | undefined;
  #anew = false;
  /** Ways that led nowhere lately; asked again after a pause. */
  readonly #barren = new Set<LogRoute>();
  #retry: NodeJS.Timeout | undefined;
  #pauseMs = PAUSE_FIRST_MS;
  #disposed = false;

  constructor(options: MirrorFeederOptions) {
    this.#options = options;
    this.#routesSeen = options.routes.onChange(() => this.#choose());
    this.#choose();
  }

  /** True while something feeds the mirror. */
  get isFed(): boolean {
    return this.#route !== undefined;
  }

  startAnew(): void {
    this.#anew = true;
    this.#stop();
    this.#choose();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#retry);
    this.#routesSeen[Symbol.dispose]();
    this.#stop();
  }

  /** Follows the best way there is, unless that is followed already. */
  #choose(): void {
    if (this.#disposed) return;
    const { datacenter, routes } = this.#options;
    const [best] = routes.logsOf(datacenter).filter((route) => !this.#barren.has(route));
    if (best === undefined || best === this.#route) return;
    if (this.#route !== undefined && best.peer !== datacenter) return;
    this.#stop();
    this.#follow(best);
  }

  #follow(route: LogRoute): void {
    const { datacenter, target, groupId, isFull, wayChanged, log } = this.#options;
    const intake = new MirrorIntake({
      target,
      turns: { soon: setImmediate },
      newHasher: sha256,
      broken: (divergence) => this.#diverged(divergence),
    });
    const listener: LogListener = {
      frame: (frame) => {
        this.#pauseMs = PAUSE_FIRST_MS;
        intake.take(frame);
        const held = intake.isFull || isFull();
        if (held) this.#releaseLater(route, intake);
        return !held;
      },
      ended: (reason) => {
        if (this.#listener !== listener) return;
        log.info("a mirror is not fed any more", { datacenter, over: route.peer, reason });
        this.#barren.add(route);
        this.#stop();
        this.#chooseLater();
        this.#choose();
      },
    };
    this.#route = route;
    this.#listener = listener;
    this.#intake = intake;
    const known = groupId();
    const fromIndex = this.#anew || known === "" ? 0 : target.state.appliedIndex + 1;
    this.#anew = false;
    log.info("feeding a mirror", { datacenter, over: route.peer, from: fromIndex });
    wayChanged(route.peer === datacenter ? [datacenter] : [datacenter, route.peer]);
    route.follow(datacenter, { fromIndex, groupId: known }, listener);
  }

  #stop(): void {
    const { datacenter } = this.#options;
    const route = this.#route;
    const listener = this.#listener;
    this.#intake?.close();
    this.#route = undefined;
    this.#listener = undefined;
    this.#intake = undefined;
    if (route !== undefined && listener !== undefined) route.leave(datacenter, listener);
  }

  /** Lets the route go on once the mirror and its disk have room. */
  #releaseLater(route: LogRoute, intake: MirrorIntake): void {
    setTimeout(() => {
      if (this.#intake !== intake) return;
      if (intake.isFull || this.#options.isFull()) this.#releaseLater(route, intake);
      else route.release();
    }, ROOM_CHECK_MS);
  }

  #chooseLater(): void {
    if (this.#retry !== undefined || this.#disposed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#barren.clear();
      this.#choose();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
  }

  #diverged(divergence: Divergence): void {
    const { datacenter, log } = this.#options;
    log.error("a mirror differs from its source and is fetched anew", {
      datacenter,
      ...divergence,
    });
    this.startAnew();
  }
}

export function sha256(): Hasher {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
}
