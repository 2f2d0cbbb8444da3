/**
 * The datacenters that this gateway knows, by name.
 *
 * The home, in which the gateway stands, is always there; others come and go while it runs, and
 * who listens is told. Owns none of them: who adds an island disposes of it after removing it.
 */
import type { DatacenterName } from "@atoll/domain";
import { ApiError, invalidField } from "@atoll/service-kit";
import { assert, compareText } from "@atoll/stdx";
import { status } from "@grpc/grpc-js";
import { ALL_DATACENTERS, type Located, parseParent } from "../api/parse-names.ts";
import type { Island } from "./island.ts";

/** Who adds one checks this first. */
export const ISLANDS_MAX = 64;

export interface IslandsListener {
  readonly added: (island: Island) => void;
  readonly removed: (island: Island) => void;
}

export class Islands {
  readonly home: Island;
  /** Sorted by name. */
  #all: readonly Island[];
  readonly #listeners = new Set<IslandsListener>();

  constructor(home: Island) {
    this.home = home;
    this.#all = [home];
  }

  /** Sorted by name. */
  get all(): readonly Island[] {
    return this.#all;
  }

  add(island: Island): void {
    assert(this.#all.length < ISLANDS_MAX, "no room for another datacenter");
    const known = this.#all.some(({ datacenter }) => datacenter === island.datacenter);
    assert(!known, `datacenter ${island.datacenter} is known already`);
    this.#all = [...this.#all, island].toSorted((left, right) =>
      compareText(left.datacenter, right.datacenter),
    );
    for (const listener of this.#listeners) listener.added(island);
  }

  remove(island: Island): void {
    assert(island !== this.home, "the gateway's own datacenter stays");
    assert(this.#all.includes(island), `datacenter ${island.datacenter} is not known`);
    this.#all = this.#all.filter((other) => other !== island);
    for (const listener of this.#listeners) listener.removed(island);
  }

  /** Told of each that comes or goes. */
  subscribe(listener: IslandsListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** @throws ApiError NOT_FOUND, which names those that are known. */
  find(datacenter: DatacenterName): Island {
    const found = this.#all.find((island) => island.datacenter === datacenter);
    if (found === undefined) throw this.unknown(datacenter);
    return found;
  }

  /** For callers that ask for one that is not known, or not any more. */
  unknown(datacenter: DatacenterName): ApiError {
    const known = this.#all.map((island) => island.datacenter).join(", ");
    return new ApiError(
      status.NOT_FOUND,
      `no datacenter ${datacenter} is known here; known are ${known}`,
      { reason: "DATACENTER_UNKNOWN", metadata: { datacenter, known } },
    );
  }

  /** The island of what was named. @throws ApiError NOT_FOUND. */
  locate<Name>({ datacenter, name }: Located<Name>): { readonly island: Island; name: Name } {
    return { island: this.find(datacenter), name };
  }

  /** Those that a list with this parent is of. @throws ApiError. */
  under(parent: string): readonly Island[] {
    const datacenter = parseParent(parent);
    return datacenter === ALL_DATACENTERS ? this.#all : [this.find(datacenter)];
  }

  /**
   * The one that a call with this parent is about; `datacenters/-` only while there is no other.
   *
   * @throws ApiError.
   */
  one(parent: string): Island {
    const [only, another] = this.under(parent);
    if (only !== undefined && another === undefined) return only;
    const known = this.#all.map(({ names }) => names.datacenter).join(", ");
    throw invalidField("parent", `it must be one of ${known}`, "DATACENTER_AMBIGUOUS");
  }
}
