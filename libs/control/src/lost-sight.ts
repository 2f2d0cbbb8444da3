/**
 * Finds the one cause when many nodes fall silent together, and puts verdicts on them off.
 *
 * A fault domain of which a great share fell silent at about the same time has lost sight, or a
 * server of the bus by which nobody is heard any more. That is said once, by an event; nodes that
 * fell silent with it are not judged until they are heard, or have been silent for much longer. It
 * holds nothing that a new leader could not find anew. Used by `PresenceJudge`.
 */
import type { InternalCommand, NodeName, StateView } from "@atoll/domain";
import type { DetectionSettings } from "./detection-settings.ts";
import type { FaultDomains } from "./fault-domains.ts";

/** A silence on which everybody agrees who listens. */
export interface Silence {
  readonly silentMs: number;
  readonly probes: number;
  /** The server of the bus by which the node was last heard. */
  readonly server: string;
}

type ReportSight = Extract<InternalCommand, { type: "reportSight" }>;

/** A narrower domain that holds so much of a wider one's silence explains it. */
const EXPLAINS_PERCENT = 80;
/** A new leader first learns what the others say. */
const FIRST_LOOK_AFTER_MS = 2_000;

export class LostSight {
  readonly #settings: DetectionSettings;
  readonly #domains: FaultDomains;
  /** Open ones, and when this leader first knew of them. */
  readonly #since = new Map<string, number>();
  #beganAtMs = 0;

  constructor(settings: DetectionSettings, domains: FaultDomains) {
    this.#settings = settings;
    this.#domains = domains;
  }

  begin(nowMs: number): void {
    this.#since.clear();
    this.#beganAtMs = nowMs;
  }

  /**
   * Says which sights were lost and regained, and takes the nodes out of `silences` on which no
   * verdict may be given now.
   */
  look(
    silences: Map<NodeName, Silence>,
    about: {
      readonly servers: ReadonlySet<string>;
      readonly view: StateView;
      readonly nowMs: number;
    },
  ): ReportSight[] {
    const { servers, view, nowMs } = about;
    for (const { domain } of view.sights()) {
      if (!this.#since.has(domain)) this.#since.set(domain, nowMs);
    }
    const waiting = this.#takeCovered(silences, servers, nowMs);
    const counts = this.#count(silences, servers);
    const lost: ReportSight[] = [];
    for (const [name, silence] of silences) {
      const news = this.#isYoung(silence) && silence.silentMs >= this.#settings.suspectAfterMs;
      if (!news) continue;
      const domain = this.#lostIn(this.#domainsOf(name, silence, servers), counts);
      if (domain === undefined) continue;
      // A further wave in a domain of which sight is lost already is not said again.
      const open = this.#since.has(domain);
      this.#since.set(domain, nowMs);
      waiting.add(domain);
      if (open) continue;
      const silent = counts.get(domain) ?? 0;
      const nodes = Math.max(silent, this.#domains.size(domain));
      lost.push({ type: "reportSight", domain, lost: true, silent, nodes });
    }
    this.#takeCovered(silences, servers, nowMs);
    return [...lost, ...this.#regained(silences, { waiting, ...about })];
  }

  /** Takes out whom an open sight explains; the domains that still explain somebody. */
  #takeCovered(
    silences: Map<NodeName, Silence>,
    servers: ReadonlySet<string>,
    nowMs: number,
  ): Set<string> {
    const waiting = new Set<string>();
    if (this.#since.size === 0) return waiting;
    for (const [name, silence] of silences) {
      if (!this.#isYoung(silence)) continue;
      const domains = this.#domainsOf(name, silence, servers);
      const domain = domains.find((each) => this.#covers(each, silence, nowMs));
      if (domain === undefined) continue;
      waiting.add(domain);
      silences.delete(name);
    }
    return waiting;
  }

  #regained(
    silences: ReadonlyMap<NodeName, Silence>,
    about: {
      readonly waiting: ReadonlySet<string>;
      readonly servers: ReadonlySet<string>;
      readonly view: StateView;
      readonly nowMs: number;
    },
  ): ReportSight[] {
    const found: ReportSight[] = [];
    if (about.nowMs - this.#beganAtMs < FIRST_LOOK_AFTER_MS) return found;
    const open = new Set([...about.view.sights()].map(({ domain }) => domain));
    for (const domain of this.#since.keys()) {
      if (about.waiting.has(domain)) continue;
      this.#since.delete(domain);
      if (!open.has(domain)) continue;
      let silent = 0;
      for (const [name, silence] of silences) {
        if (this.#domainsOf(name, silence, about.servers).includes(domain)) silent += 1;
      }
      found.push({ type: "reportSight", domain, lost: false, silent, nodes: 0 });
    }
    return found;
  }

  #count(
    silences: ReadonlyMap<NodeName, Silence>,
    servers: ReadonlySet<string>,
  ): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [name, silence] of silences) {
      if (!this.#isYoung(silence)) continue;
      for (const domain of this.#domainsOf(name, silence, servers)) {
        counts.set(domain, (counts.get(domain) ?? 0) + 1);
      }
    }
    return counts;
  }

  /** A server that is gone comes first: it explains whatever hung on it. */
  #domainsOf(name: NodeName, { server }: Silence, servers: ReadonlySet<string>): readonly string[] {
    const domains = this.#domains.of(name);
    return server === "" || servers.has(server) ? domains : [`bus/${server}`, ...domains];
  }

  /** Whether a verdict may still be put off. */
  #isYoung({ silentMs }: Silence): boolean {
    return silentMs < this.#settings.lostAfterMs + this.#settings.sightHoldMs;
  }

  /** Whether the silence began together with that of the domain. */
  #covers(domain: string, { silentMs }: Silence, nowMs: number): boolean {
    const sinceMs = this.#since.get(domain);
    if (sinceMs === undefined) return false;
    return nowMs - silentMs <= sinceMs + this.#settings.lostAfterMs;
  }

  /** The domain to which the silence is put down: the narrowest that explains it. */
  #lostIn(domains: readonly string[], counts: ReadonlyMap<string, number>): string | undefined {
    const { sightNodesMin, sightSharePercent } = this.#settings;
    const [first] = domains;
    if (first?.startsWith("bus/") === true) return first;
    let found: string | undefined;
    for (const domain of domains) {
      const count = counts.get(domain) ?? 0;
      const many =
        count >= sightNodesMin && count * 100 >= this.#domains.size(domain) * sightSharePercent;
      if (!many) continue;
      const narrower = found === undefined ? 0 : (counts.get(found) ?? 0);
      if (narrower * 100 < count * EXPLAINS_PERCENT) found = domain;
    }
    return found;
  }
}
