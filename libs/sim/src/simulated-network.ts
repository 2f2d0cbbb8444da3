/**
 * A network between numbered nodes that loses, repeats, delays, reorders, slows, clogs and cuts.
 *
 * Generic over the message. Links are directed, so a cut may be one-way. Within a link messages
 * keep their order as on a stream, but for those drawn to jump ahead. What is under way when a link
 * is cut is lost, as with a broken connection. All chance comes from one generator. Used by every
 * simulation.
 */
import type { Prng } from "@atoll/stdx";
import type { VirtualClock } from "./virtual-clock.ts";

/** How badly the network behaves; probabilities per thousand, times in microseconds. */
export interface NetworkSettings {
  readonly lossPerMille: number;
  readonly duplicatePerMille: number;
  /** Messages that do not wait for their predecessors on the link. */
  readonly reorderPerMille: number;
  readonly delayUsMin: number;
  readonly delayUsMax: number;
  /** Messages that take `slowDelayUsMax` at most instead. */
  readonly slowPerMille: number;
  readonly slowDelayUsMax: number;
  /** Messages of which a copy arrives once more, up to `replayDelayUsMax` later. */
  readonly replayPerMille: number;
  readonly replayDelayUsMax: number;
}

/** A network without faults, with the delays of one datacenter. */
export const CALM_NETWORK: NetworkSettings = {
  lossPerMille: 0,
  duplicatePerMille: 0,
  reorderPerMille: 0,
  delayUsMin: 50,
  delayUsMax: 500,
  slowPerMille: 0,
  slowDelayUsMax: 0,
  replayPerMille: 0,
  replayDelayUsMax: 0,
};

export interface NetworkCounters {
  sent: number;
  delivered: number;
  lost: number;
  duplicated: number;
  /** Messages that overtook an earlier one of their link. */
  reordered: number;
  replayed: number;
  cutOff: number;
  /** Messages that waited in a clogged link. */
  clogged: number;
}

interface Link<Message> {
  isCut: boolean;
  /** What waits while the link is clogged; undefined while it is not. */
  clog: Message[] | undefined;
  /** What each message takes longer than on other links. */
  slowUs: number;
  /** Raised by a cut: what was sent before does not arrive. */
  generation: number;
  /** Raised when all is forgotten that was ever sent: replays do not arrive either. */
  life: number;
  /** When the latest message arrives. */
  lastArrivalUs: number;
}

/** What a clogged link holds; more is lost. */
const CLOG_MAX = 2_000;

export class SimulatedNetwork<Message> {
  settings: NetworkSettings = CALM_NETWORK;
  readonly counters: NetworkCounters = {
    sent: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    replayed: 0,
    cutOff: 0,
    clogged: 0,
  };
  readonly #clock: VirtualClock;
  readonly #prng: Prng;
  readonly #deliver: (from: number, to: number, message: Message) => void;
  readonly #links = new Map<number, Map<number, Link<Message>>>();

  constructor(options: {
    readonly clock: VirtualClock;
    readonly prng: Prng;
    /** Called when a message arrives. */
    readonly deliver: (from: number, to: number, message: Message) => void;
  }) {
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#deliver = options.deliver;
  }

  send(from: number, to: number, message: Message): void {
    this.counters.sent += 1;
    const link = this.#link(from, to);
    if (link.isCut) {
      this.counters.cutOff += 1;
      return;
    }
    if (this.#prng.chance(this.settings.lossPerMille, 1000)) {
      this.counters.lost += 1;
      return;
    }
    this.#carry(from, to, link, message);
    if (this.#prng.chance(this.settings.duplicatePerMille, 1000)) {
      this.counters.duplicated += 1;
      this.#carry(from, to, link, message);
    }
    if (this.#prng.chance(this.settings.replayPerMille, 1000)) {
      const delayUs = this.#prng.below(this.settings.replayDelayUsMax + 1);
      const { life } = link;
      this.#clock.schedule(delayUs, () => {
        if (link.isCut || link.life !== life) return;
        this.counters.replayed += 1;
        this.#deliver(from, to, message);
      });
    }
  }

  /** Holds one direction up: nothing is lost, all of it arrives together when it is free again. */
  clog(from: number, to: number): void {
    this.#link(from, to).clog ??= [];
  }

  unclog(from: number, to: number): void {
    const link = this.#link(from, to);
    const held = link.clog ?? [];
    link.clog = undefined;
    for (const message of held) this.#carry(from, to, link, message);
  }

  /** Slows one direction down: each message takes so much longer. */
  slow(from: number, to: number, slowUs: number): void {
    this.#link(from, to).slowUs = slowUs;
  }

  /** Cuts one direction; what is under way is lost. */
  cut(from: number, to: number): void {
    const link = this.#link(from, to);
    link.isCut = true;
    link.generation += 1;
    if (link.clog !== undefined) link.clog = [];
  }

  /** Loses what is under way in one direction, as when a connection is reset. */
  reset(from: number, to: number): void {
    const link = this.#link(from, to);
    link.generation += 1;
    if (link.clog !== undefined) link.clog = [];
  }

  /** Nothing that `from` has sent arrives any more, nor again. */
  forget(from: number): void {
    for (const link of this.#links.get(from)?.values() ?? []) {
      link.generation += 1;
      link.life += 1;
      if (link.clog !== undefined) link.clog = [];
    }
  }

  heal(from: number, to: number): void {
    this.#link(from, to).isCut = false;
  }

  healAll(): void {
    for (const links of this.#links.values()) {
      for (const link of links.values()) {
        link.isCut = false;
        link.slowUs = 0;
      }
    }
    for (const [from, links] of this.#links) {
      for (const to of links.keys()) this.unclog(from, to);
    }
  }

  isCut(from: number, to: number): boolean {
    return this.#link(from, to).isCut;
  }

  #carry(from: number, to: number, link: Link<Message>, message: Message): void {
    const { settings } = this;
    if (link.clog !== undefined) {
      this.counters.clogged += 1;
      if (link.clog.length < CLOG_MAX) link.clog.push(message);
      return;
    }
    const prng = this.#prng;
    const slow = prng.chance(settings.slowPerMille, 1000);
    const most = slow ? settings.slowDelayUsMax : settings.delayUsMax;
    const delayUs = prng.between(settings.delayUsMin, Math.max(most, settings.delayUsMin));
    let arrivalUs = this.#clock.nowUs + delayUs + link.slowUs;
    if (prng.chance(settings.reorderPerMille, 1000)) {
      if (arrivalUs < link.lastArrivalUs) this.counters.reordered += 1;
    } else {
      arrivalUs = Math.max(arrivalUs, link.lastArrivalUs);
      link.lastArrivalUs = arrivalUs;
    }
    const generation = link.generation;
    this.#clock.schedule(arrivalUs - this.#clock.nowUs, () => {
      if (link.generation !== generation) {
        this.counters.cutOff += 1;
        return;
      }
      this.counters.delivered += 1;
      this.#deliver(from, to, message);
    });
  }

  #link(from: number, to: number): Link<Message> {
    let links = this.#links.get(from);
    if (links === undefined) {
      links = new Map();
      this.#links.set(from, links);
    }
    let link = links.get(to);
    if (link === undefined) {
      link = { isCut: false, clog: undefined, slowUs: 0, generation: 0, life: 0, lastArrivalUs: 0 };
      links.set(to, link);
    }
    return link;
  }
}
