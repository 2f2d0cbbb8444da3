/**
 * What people want of a simulated fleet: every node has its place and one role, which now and then
 * becomes another. Says whether nodes are as they should be. Used by `simulateFleet`.
 */
import type { RoleName, RoleSpec, ServiceName } from "@atoll/domain";
import { Planner } from "@atoll/planner";
import { type Fleet, FLEET_NAME } from "./fleet.ts";
import type { FleetNode } from "./fleet-node.ts";

const COMMANDS_IN_FLIGHT = 256;

export class FleetUsers {
  readonly #fleet: Fleet;
  #version = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Says by and by where each node stands. The answer says whether all is said. */
  placeAll(): () => boolean {
    const { nodes } = this.#fleet;
    let placed = 0;
    let next = 0;
    const place = (): void => {
      const node = nodes[next];
      if (node === undefined) return;
      next += 1;
      const { name, location } = node;
      this.#fleet.ask({ type: "updateNode", node: name, location, revision: 0 }, () => {
        placed += 1;
        place();
      });
    };
    for (let at = 0; at < COMMANDS_IN_FLIGHT; at += 1) place();
    return () => placed === nodes.length;
  }

  /** The role becomes another one on all nodes. */
  applyRole(): void {
    this.#version += 1;
    this.#fleet.ask({ type: "applyRoles", roles: [webRole(this.#version)] });
  }

  /** Why not all of these nodes are as they should be; empty when they are. */
  whyNotRight(nodes: readonly FleetNode[]): string {
    const { view, clock } = this.#fleet;
    if (view === undefined) return "there is no replica";
    const planner = new Planner({ view, datacenter: FLEET_NAME });
    const nowMs = Math.max(clock.realtimeMs(), view.stampMs);
    for (const { name, service } of nodes) {
      if (service?.status !== "healthy") return `nothing runs on ${name}`;
      const { converged, condition } = planner.planNode(name, nowMs);
      if (!converged) return `${name} is ${condition.state}: ${condition.reason}`;
    }
    return "";
  }
}

function webRole(version: number): RoleSpec {
  const service: RoleSpec["services"][number] = {
    name: "app" as ServiceName,
    driver: "process",
    command: ["app", `v${version}`],
    unit: "",
    environment: {},
    after: [],
    restartOn: [],
    stopTimeoutMs: 1_000,
  };
  return {
    name: "web" as RoleName,
    description: "",
    match: { labels: { tier: "web" }, location: {}, hardware: {} },
    drift: "restore",
    files: [],
    services: [service],
  };
}
