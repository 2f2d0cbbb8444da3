/**
 * A gateway's mirror of another datacenter, with its disk: it crashes, recovers, follows whoever
 * has the log, and lets others follow it. Used by `simulateMirrors`.
 */
import * as codec from "@atoll/codec";
import { ReplicatedState } from "@atoll/control";
import {
  type Divergence,
  LogFeed,
  MIRROR_MEMBERSHIP,
  MirrorIntake,
  MirrorLog,
  recoverMirror,
} from "@atoll/federation";
import { crc32c, type Prng } from "@atoll/stdx";
import { MemoryLogStore } from "./raft-log-store.ts";
import { CALM_DISK } from "./simulated-disk.ts";
import { SimulatedFeedLink } from "./simulated-feed-link.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** Somebody from whom the log can be had. */
export interface MirrorSource {
  readonly feed: LogFeed | undefined;
}

/** Small, so that all of it happens within a short history. */
const SETTINGS = { snapshotEveryBytes: 4_000, retainEntries: 5, waitingBytesMax: 20_000 };

export function checksumHasher(): { update(bytes: Uint8Array): void; digest(): string } {
  let sum = 0;
  return {
    update: (bytes) => {
      sum = crc32c(bytes, sum);
    },
    digest: () => sum.toString(16),
  };
}

export class SimulatedMirror implements MirrorSource {
  readonly #clock: VirtualClock;
  readonly #prng: Prng;
  readonly #store: MemoryLogStore;
  #life = 0;
  #groupId = "";
  #state: ReplicatedState = new ReplicatedState(codec);
  #feed: LogFeed | undefined;
  #log: MirrorLog | undefined;
  #link: SimulatedFeedLink | undefined;
  #intake: MirrorIntake | undefined;
  readonly divergences: Divergence[] = [];
  /** Crashed and not started again. */
  down = false;
  verified = 0;
  restores = 0;

  constructor(world: { readonly clock: VirtualClock; readonly prng: Prng }) {
    this.#clock = world.clock;
    this.#prng = world.prng;
    this.#store = new MemoryLogStore({ ...world, membership: MIRROR_MEMBERSHIP });
    // A snapshot from elsewhere often arrives while earlier entries are still being written.
    this.#store.diskSettings = { ...CALM_DISK, syncUsMin: 100, syncUsMax: 60_000 };
    this.start();
  }

  get feed(): LogFeed | undefined {
    return this.#feed;
  }

  get state(): ReplicatedState {
    return this.#state;
  }

  /** The group whose log it has; empty while it has none. */
  get groupId(): string {
    return this.#groupId;
  }

  get following(): boolean {
    return this.#link !== undefined && !this.#link.closed;
  }

  /** It has read its disk. */
  get running(): boolean {
    return this.#feed !== undefined;
  }

  /** Power is lost; `start` goes on from the disk. */
  crash(): void {
    this.#life += 1;
    this.down = true;
    this.unfollow();
    this.#feed = undefined;
    this.#store.crash();
  }

  start(): void {
    this.down = false;
    const life = this.#life;
    const state = new ReplicatedState(codec);
    const turns = { soon: (run: () => void): void => this.#soon(life, run) };
    const target = this.#target(state);
    this.#state = state;
    this.#log = undefined;
    const recovered = this.#store.recover(0);
    this.#groupId = "";
    recoverMirror(this.#store, recovered, { target, turns }, (error, groupId) => {
      if (life !== this.#life) return;
      if (error !== undefined) throw error;
      this.#groupId = groupId;
      const failed = (failure: Error): void => {
        throw failure;
      };
      const { firstIndex } = recovered;
      const kept = { store: this.#store, state, groupId, firstIndex };
      this.#log = new MirrorLog({ ...kept, turns, settings: SETTINGS, failed });
      this.#feed = new LogFeed({
        state,
        store: this.#log,
        groupId: () => this.#groupId,
        turns,
        newHasher: checksumHasher,
        version: "1",
      });
    });
  }

  /** Follows `source` from now on, from where this mirror stands; anew after a divergence. */
  follow(source: MirrorSource, anew = false): void {
    this.unfollow();
    if (source.feed === undefined || !this.running) return;
    const life = this.#life;
    const ends: (() => void)[] = [];
    const link = new SimulatedFeedLink(
      { clock: this.#clock, prng: this.#prng },
      {
        arrived: (frame) => {
          intake.take(frame);
        },
        broke: () => {
          for (const end of ends) end();
        },
      },
    );
    const intake = new MirrorIntake({
      target: this.#target(this.#state),
      turns: { soon: (run) => this.#soon(life, run) },
      newHasher: checksumHasher,
      version: "1",
      broken: (divergence) => {
        this.divergences.push(divergence);
        this.follow(source, true);
      },
      verified: () => {
        this.verified += 1;
      },
    });
    this.#link = link;
    const fromIndex = anew || this.#groupId === "" ? 0 : this.#state.appliedIndex + 1;
    ends.push(source.feed.serve(link, { fromIndex, groupId: this.#groupId }));
    this.#intake = intake;
  }

  unfollow(): void {
    this.#intake?.close();
    this.#link?.break();
    this.#link = undefined;
  }

  #target(state: ReplicatedState): ConstructorParameters<typeof MirrorIntake>[0]["target"] {
    return {
      state,
      apply: (index, data) => state.apply(index, data),
      restoreInPieces: (index, groupId) => {
        const chunks: Uint8Array[] = [];
        return {
          take: (chunk) => chunks.push(chunk),
          finish: () => {
            // What was being read when it crashed is of a life that is over.
            if (state !== this.#state) return;
            this.restores += 1;
            this.#groupId = groupId;
            state.restore(index, chunks);
            this.#log?.replaced(index, chunks, groupId);
            this.#feed?.restored();
          },
        };
      },
    };
  }

  #soon(life: number, run: () => void): void {
    this.#clock.schedule(this.#prng.between(1, 300), () => {
      if (life === this.#life) run();
    });
  }
}
