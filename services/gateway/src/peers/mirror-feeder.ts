/**
 * Keeps the mirror of another datacenter fed, over whatever way there is, for ever.
 *
 * Straight from the datacenter when it can be had there, else from a third one that mirrors it;
 * back to the straight way once that is there again. Goes on behind the last applied index after
 * every break. A mirror that is not what its source says is fetched anew, and that is said loudly.
 */
import { type Divergence, MirrorIntake, type MirrorTarget } from "@atoll/federation";
import { type Log, sha256 } from "@atoll/service-kit";
import type { MirrorFeed } from "../islands/reads.ts";
import type { LogListener, LogRoute } from "./log-route.ts";
import type { Routes } from "./routes.ts";

const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 2_000;
/** While the mirror is held up, how often it is looked whether it still is. */
const ROOM_CHECK_MS = 5;
/** What cannot be read here is asked for again after as long: an upgrade may come. */
const UNREADABLE_PAUSE_MS = 30_000;

export interface MirrorFeederOptions {
  readonly datacenter: string;
  readonly routes: Routes;
  readonly target: MirrorTarget;
  readonly groupId: () => string;
  /** True while the disk of the mirror cannot keep up. */
  readonly isFull: () => boolean;
  /** The mirror is fed another way now: through these datacenters, the home's first; none: not. */
  readonly wayChanged: (way: readonly string[]) => void;
  /** Of this software. */
  readonly version: string;
  readonly log: Log;
}

export class MirrorFeeder implements MirrorFeed, Disposable {
  readonly #options: MirrorFeederOptions;
  readonly #routesSeen: Disposable;
  #route: LogRoute | undefined;
  #listener: LogListener | undefined;
  #intake: MirrorIntake | undefined;
  #way: readonly string[] = [];
  /** Until a whole state was taken, none of this one is gone on with. */
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
    return this.#way.length > 0;
  }

  startAnew(): void {
    // One that is on its way is not begun again, or it would never end.
    if (this.#anew) return;
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
    const { datacenter, target, groupId, version, log } = this.#options;
    const intake = new MirrorIntake({
      target,
      turns: { soon: setImmediate },
      newHasher: sha256,
      version,
      restored: () => {
        this.#anew = false;
      },
      broken: (divergence) => this.#diverged(route, divergence),
    });
    const listener = this.#listenerFor(route, intake);
    this.#route = route;
    this.#listener = listener;
    this.#intake = intake;
    const known = groupId();
    const fromIndex = this.#anew || known === "" ? 0 : target.state.appliedIndex + 1;
    log.info("asking for a log", { datacenter, over: route.peer, from: fromIndex });
    route.follow(datacenter, { fromIndex, groupId: known }, listener);
  }

  #listenerFor(route: LogRoute, intake: MirrorIntake): LogListener {
    const { datacenter, isFull, log } = this.#options;
    const listener: LogListener = {
      following: (way) => this.#tellWay(way),
      frame: (frame) => {
        this.#pauseMs = PAUSE_FIRST_MS;
        intake.take(frame);
        if (this.#intake !== intake || (!intake.isFull && !isFull())) return true;
        this.#releaseLater(route, { listener, intake });
        return false;
      },
      ended: (reason) => {
        if (this.#listener !== listener) return;
        log.info("a mirror is not fed any more", { datacenter, over: route.peer, reason });
        this.#barren.add(route);
        this.#stop();
        this.#chooseLater(this.#pauseMs);
        this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
        this.#choose();
      },
    };
    return listener;
  }

  #stop(): void {
    const { datacenter } = this.#options;
    const route = this.#route;
    const listener = this.#listener;
    this.#intake?.close();
    this.#route = undefined;
    this.#listener = undefined;
    this.#intake = undefined;
    this.#tellWay([]);
    if (route !== undefined && listener !== undefined) route.leave(datacenter, listener);
  }

  #tellWay(way: readonly string[]): void {
    if (way.join() === this.#way.join()) return;
    this.#way = way;
    this.#options.wayChanged(way);
  }

  /** Lets the route go on once the mirror and its disk have room. */
  #releaseLater(
    route: LogRoute,
    held: { readonly listener: LogListener; readonly intake: MirrorIntake },
  ): void {
    setTimeout(() => {
      const { listener, intake } = held;
      // Who left was released with it.
      if (this.#intake !== intake) return;
      if (intake.isFull || this.#options.isFull()) this.#releaseLater(route, held);
      else route.release(listener);
    }, ROOM_CHECK_MS);
  }

  #chooseLater(pauseMs: number): void {
    if (this.#retry !== undefined || this.#disposed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#barren.clear();
      this.#choose();
    }, pauseMs);
  }

  #diverged(route: LogRoute, divergence: Divergence): void {
    const { datacenter, log } = this.#options;
    const fields = { datacenter, over: route.peer, ...divergence };
    if (divergence.type === "unreadable" || divergence.type === "nameless") {
      log.error("what a source says cannot be taken into a mirror", fields);
      this.#barren.add(route);
      this.#stop();
      this.#chooseLater(UNREADABLE_PAUSE_MS);
      this.#choose();
      return;
    }
    log.error("a mirror differs from its source and is fetched anew", fields);
    this.#anew = true;
    this.#stop();
    this.#choose();
  }
}
