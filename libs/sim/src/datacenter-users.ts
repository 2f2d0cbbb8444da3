/**
 * Users of a simulated datacenter: they apply roles, assign, relabel, begin and end maintenance,
 * pause and resume, and repeat what got no answer.
 *
 * A request keeps its id until it has an answer. Used by `simulateDatacenter`.
 */
import type {
  ActionId,
  FaultDomainName,
  RoleName,
  RoleSpec,
  ServiceName,
  UserCommand,
} from "@atoll/domain";
import type { Prng } from "@atoll/stdx";
import type { SimulatedDatacenter } from "./build-datacenter.ts";

const PAUSE_US_MAX = 500_000;
const REPEAT_US = 700_000;
const CALM_EVERY_US = 2_000_000;

export class DatacenterUsers {
  readonly #datacenter: SimulatedDatacenter;
  readonly #prng: Prng;
  readonly #endUs: number;
  #requests = 0;
  /** Wishes of an earlier epoch that had no answer are given up. */
  #epoch = 1;

  constructor(datacenter: SimulatedDatacenter, prng: Prng, endUs: number) {
    this.#datacenter = datacenter;
    this.#prng = prng;
    this.#endUs = endUs;
    this.#ask({ type: "applyRoles", roles: [webRole(0), storeRole(0)] });
    this.#later();
  }

  /**
   * Gives up what has no answer yet and ends the pause and all maintenance, so that everything can
   * come to rest.
   */
  settle(): void {
    this.#epoch += 1;
    this.#ask({ type: "resumeActions" });
    this.#calmStorms();
    for (const { name: node } of this.#datacenter.nodes) {
      // The end of a maintenance also ends that targets are withheld.
      this.#ask({ type: "startMaintenance", node, reason: "to end it" }, () => {
        this.#ask({ type: "endMaintenance", node });
      });
    }
  }

  /** From now on somebody releases every storm that is seen. */
  #calmStorms(): void {
    const { clock, orchestrators } = this.#datacenter;
    const storms = new Set<FaultDomainName>();
    for (const { state } of orchestrators) {
      for (const { faultDomain, release } of state?.datacenter.storms() ?? []) {
        if (release === undefined) storms.add(faultDomain);
      }
    }
    for (const faultDomain of storms) {
      this.#ask({ type: "releaseStorm", faultDomain, reason: "looked at it" });
    }
    clock.schedule(CALM_EVERY_US, () => this.#calmStorms());
  }

  #later(): void {
    const { clock } = this.#datacenter;
    clock.schedule(this.#prng.between(20_000, PAUSE_US_MAX), () => {
      if (clock.nowUs >= this.#endUs) return;
      this.#ask(this.#draw());
      this.#later();
    });
  }

  #draw(): UserCommand {
    const prng = this.#prng;
    const node = prng.pick(this.#datacenter.nodes).name;
    const role = prng.pick(["web", "store", "relay"]) as RoleName;
    switch (prng.below(14)) {
      case 0:
        return { type: "applyRoles", roles: [webRole(prng.below(3)), storeRole(prng.below(2))] };
      case 1:
        return { type: "applyRoles", roles: [relayRole(prng.below(2))] };
      case 2:
        return { type: "assignRole", node, role };
      case 3:
        return { type: "unassignRole", node, role };
      case 4:
        return { type: "startMaintenance", node, reason: "simulated" };
      case 5:
        return { type: "endMaintenance", node };
      case 6:
        return { type: "pauseActions", reason: "simulated" };
      case 7:
        return { type: "resumeActions" };
      case 8:
        return { type: "cancelAction", action: this.#someAction(), reason: "simulated" };
      case 9: {
        const location = prng.chance(4, 5) ? { rack: "r1" } : {};
        return { type: "updateNode", node, location, revision: 0 };
      }
      case 10: {
        const faultDomain = prng.pick(["rack:r1", "datacenter"]) as FaultDomainName;
        return { type: "releaseStorm", faultDomain, reason: "simulated" };
      }
      case 11: {
        const limits = {
          disruptedPercentMax: prng.pick([20, 20, 50]),
          stormPercent: prng.pick([30, 30, 60]),
          settleMs: prng.pick([0, 3_000]),
        };
        return { type: "setActionLimits", limits, reason: "simulated" };
      }
      case 12:
        return { type: "deleteRole", role: "relay" as RoleName };
      default: {
        const labels = {
          tier: prng.pick(["web", "store", "none"]),
          port: String(prng.between(8_000, 8_009)),
        };
        return { type: "updateNode", node, labels, revision: 0 };
      }
    }
  }

  /** One that is planned, as far as some replica knows. */
  #someAction(): ActionId {
    const states = this.#datacenter.orchestrators.map(({ state }) => state?.datacenter);
    const nodes = states.flatMap((view) => [...(view?.nodes() ?? [])]);
    const open = nodes.flatMap((node) => [...node.open.values()]);
    return open.length > 0 ? this.#prng.pick(open) : ("n1-1" as ActionId);
  }

  #ask(command: UserCommand, answered: () => void = () => undefined): void {
    this.#requests += 1;
    this.#try(command, `request-${this.#requests}`, this.#epoch, answered);
  }

  #try(command: UserCommand, requestId: string, epoch: number, then: () => void): void {
    const { clock, orchestrators, history } = this.#datacenter;
    if (epoch !== this.#epoch) return;
    let answered = false;
    const repeat = (): void => {
      if (!answered) this.#try(command, requestId, epoch, then);
    };
    const leading = orchestrators.filter(({ leader }) => leader?.leading);
    if (leading.length > 0) {
      const { leader } = this.#prng.pick(leading);
      leader?.submit(command, { actor: "simulated", requestId, validateOnly: false }, (outcome) => {
        if (outcome.type === "accepted") history.acknowledged(requestId);
        if (answered || (outcome.type !== "accepted" && outcome.type !== "rejected")) return;
        answered = true;
        then();
      });
    }
    clock.schedule(REPEAT_US, repeat);
  }
}

function webRole(version: number): RoleSpec {
  return {
    name: "web" as RoleName,
    description: "",
    match: { labels: { tier: "web" }, location: {}, hardware: {} },
    drift: "restore",
    files: [
      {
        path: "/etc/web.conf",
        mode: "0644",
        template: `version ${version} port {{ labels.port }}\n`,
      },
    ],
    services: [
      { ...service("app", ["app", "--port", "{{ labels.port }}"]), restartOn: ["/etc/web.conf"] },
      { ...service("worker", ["worker"]), after: ["app" as ServiceName] },
    ],
  };
}

function storeRole(version: number): RoleSpec {
  return {
    name: "store" as RoleName,
    description: "",
    match: { labels: { tier: "store" }, location: {}, hardware: {} },
    drift: "report",
    files: [],
    services: [service("store", ["store", `v${version}`])],
  };
}

function relayRole(version: number): RoleSpec {
  return {
    name: "relay" as RoleName,
    description: "",
    drift: "restore",
    files: [{ path: "/etc/relay.conf", mode: "0600", template: `{{ node.name }} ${version}\n` }],
    services: [service("relay", ["relay"])],
  };
}

function service(name: string, command: readonly string[]): RoleSpec["services"][number] {
  return {
    name: name as ServiceName,
    driver: "process",
    command,
    unit: "",
    environment: {},
    after: [],
    restartOn: [],
    stopTimeoutMs: 1_000,
  };
}
