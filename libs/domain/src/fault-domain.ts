/**
 * What fails together: the rack a node stands in; where no rack is known its room; else the whole
 * datacenter.
 *
 * How many nodes of each are disrupted and how many ail is kept as the nodes change, never counted
 * over all of them. It follows from the nodes alone: it is in no snapshot, and a restored state has
 * the same.
 */
import type { NodeName } from "./names.ts";
import type { Location } from "./role.ts";
import { SharedNames } from "./shared-names.ts";
import type { NodeState } from "./state.ts";

declare const brand: unique symbol;

/** `rack:ROOM/RACK`, `rack:RACK`, `room:ROOM` or `datacenter`. */
export type FaultDomainName = string & { readonly [brand]: "faultDomain" };

/** How many nodes of a fault domain are how. */
export interface FaultDomainTally {
  readonly nodes: number;
  /** Something that worked on them is taken away, and is not back. */
  readonly disrupted: number;
  /** Something on them is broken; what counts is in storm.ts. */
  readonly ailing: number;
}

/** What everything stands in. */
export const WHOLE_DATACENTER = "datacenter" as FaultDomainName;

/** The narrowest that is known. */
export function faultDomainOf(location: Location): FaultDomainName {
  return faultDomainsOf(location)[0] ?? WHOLE_DATACENTER;
}

/** From the narrowest to the widest that is known. Racks of two rooms may have one name. */
export function faultDomainsOf({ room = "", rack = "" }: Location): readonly FaultDomainName[] {
  const place = [room, rack].filter((part) => part !== "").map(escapePart);
  const inRack = rack === "" ? [] : [`rack:${place.join("/")}` as FaultDomainName];
  const inRoom = room === "" ? [] : [`room:${escapePart(room)}` as FaultDomainName];
  return [...inRack, ...inRoom, WHOLE_DATACENTER];
}

export function isDisrupted(node: NodeState): boolean {
  return node.disrupted.size > 0;
}

export function isAiling(node: NodeState): boolean {
  if (node.maintenance !== undefined) return false;
  if (node.wiped !== undefined) return true;
  const rebootedAt = node.rebooted?.index;
  for (const { status, since } of node.services.values()) {
    if (status === "unhealthy") return true;
    if (status === "crashed" && since.index !== rebootedAt) return true;
  }
  return false;
}

interface Domain {
  nodes: number;
  readonly ailing: SharedNames<NodeName>;
  readonly disrupted: SharedNames<NodeName>;
}

/** Which nodes of each fault domain are how. A copy shares domains until one of the two changes. */
export class FaultDomainIndex {
  #domains = new Map<FaultDomainName, Domain>();
  /** Domains that are this index's alone. */
  #owned = new Set<FaultDomainName>();

  tally(name: FaultDomainName): FaultDomainTally {
    const domain = this.#domains.get(name);
    return {
      nodes: domain?.nodes ?? 0,
      disrupted: domain?.disrupted.size ?? 0,
      ailing: domain?.ailing.size ?? 0,
    };
  }

  ailing(name: FaultDomainName): Iterable<NodeName> {
    return this.#domains.get(name)?.ailing ?? [];
  }

  disrupted(name: FaultDomainName): Iterable<NodeName> {
    return this.#domains.get(name)?.disrupted ?? [];
  }

  /** A node is now `after`; it was `before`. Undefined: there was or is none. */
  change(before: NodeState | undefined, after: NodeState | undefined): void {
    if (!isOtherwise(before, after)) return;
    if (before !== undefined) this.#leave(faultDomainOf(before.location), before.name);
    if (after === undefined) return;
    const domain = this.#own(faultDomainOf(after.location));
    domain.nodes += 1;
    if (isDisrupted(after)) domain.disrupted.add(after.name);
    if (isAiling(after)) domain.ailing.add(after.name);
  }

  copy(): FaultDomainIndex {
    const copy = new FaultDomainIndex();
    copy.#domains = new Map(this.#domains);
    this.#owned = new Set();
    return copy;
  }

  #leave(name: FaultDomainName, node: NodeName): void {
    const domain = this.#own(name);
    domain.nodes -= 1;
    domain.disrupted.delete(node);
    domain.ailing.delete(node);
    if (domain.nodes === 0) this.#domains.delete(name);
  }

  #own(name: FaultDomainName): Domain {
    const present = this.#domains.get(name);
    if (present !== undefined && this.#owned.has(name)) return present;
    const own = {
      nodes: present?.nodes ?? 0,
      disrupted: present?.disrupted.copy() ?? new SharedNames(),
      ailing: present?.ailing.copy() ?? new SharedNames(),
    };
    this.#domains.set(name, own);
    this.#owned.add(name);
    return own;
  }
}

/** Whether a change of a node changes what is counted. Most changes of a service do not. */
export function isOtherwise(before: NodeState | undefined, after: NodeState | undefined): boolean {
  if (before === undefined || after === undefined) return before !== after;
  if (before.location !== after.location) return true;
  if (isDisrupted(before) !== isDisrupted(after)) return true;
  const same =
    before.services === after.services &&
    before.maintenance === after.maintenance &&
    before.rebooted === after.rebooted &&
    before.wiped === after.wiped;
  return !same && isAiling(before) !== isAiling(after);
}

function escapePart(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("/", "%2F");
}
