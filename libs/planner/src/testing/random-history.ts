/**
 * Random histories of a small datacenter: users, agents, faults and time, all from one seed.
 *
 * For tests of the planner only. A history is a sequence of steps; each changes the lab in one
 * way, or not at all when what it tries is refused.
 */
import type { NodeName, OperationId, RoleName, RoleSpec, ServiceStatus } from "@atoll/domain";
import type { Prng } from "@atoll/stdx";
import type { Behaviour } from "./fake-agent.ts";
import { inventoryOf } from "./inventory-of.ts";
import type { Lab } from "./lab.ts";
import { parseRole } from "./story-role.ts";

export const NODES: readonly NodeName[] = ["n1", "n2", "n3", "n4", "n5", "n6", "n7"] as NodeName[];
const ROLES: readonly RoleName[] = ["alpha", "beta", "gamma"] as RoleName[];
const STATUSES: readonly ServiceStatus[] = [
  "starting",
  "healthy",
  "unhealthy",
  "stopped",
  "crashed",
];

type Step = (lab: Lab, prng: Prng) => void;

/** Each step as often as it stands here. */
const STEPS: readonly Step[] = [
  execute,
  execute,
  execute,
  behave,
  observeService,
  observeService,
  observeFile,
  readHardware,
  pass,
  pass,
  applyRole,
  applyRole,
  deleteRole,
  assign,
  unassign,
  setLabels,
  maintain,
  presence,
  presence,
  restartAgent,
  wipe,
  forget,
  cancelOperation,
  pause,
  resume,
  resume,
  cancelAction,
  quake,
  releaseStorm,
];

/** One random change. */
export function step(lab: Lab, prng: Prng): void {
  prng.pick(STEPS)(lab, prng);
}

/** A role of that name in one of its many variants. */
export function randomRole(name: RoleName, prng: Prng): RoleSpec {
  const lines: string[] = [];
  const rule = prng.pick(["match", "match tier=web", "match rack=r1", "match coresMin=8", ""]);
  if (rule !== "") lines.push(rule);
  if (prng.chance(1, 3)) lines.push("drift report");
  const fact = (): string => prng.pick(["", "{{labels.port}}", "{{node.name}}", "{{cpu.cores}}"]);
  const one = `/etc/${name}/one`;
  if (prng.chance(2, 3)) lines.push(`file ${one} v${prng.below(2)}${fact()}`);
  if (prng.chance(1, 3)) lines.push(`file /etc/${name}/two ${fact()}`);
  const restartOn = lines.some((line) => line.startsWith(`file ${one}`)) ? `restartOn=${one}` : "";
  lines.push(`service db args=v${prng.below(2)}${fact()}`);
  if (prng.chance(2, 3)) lines.push(`service app after=db ${restartOn}`.trim());
  if (prng.chance(1, 3)) lines.push(`service side ${restartOn}`.trim());
  return parseRole(name, lines);
}

function applyRole(lab: Lab, prng: Prng): void {
  lab.decide({ type: "applyRoles", roles: [randomRole(prng.pick(ROLES), prng)] });
}

function deleteRole(lab: Lab, prng: Prng): void {
  lab.decide({ type: "deleteRole", role: prng.pick(ROLES) });
}

function assign(lab: Lab, prng: Prng): void {
  lab.decide({ type: "assignRole", node: prng.pick(NODES), role: prng.pick(ROLES) });
}

function unassign(lab: Lab, prng: Prng): void {
  lab.decide({ type: "unassignRole", node: prng.pick(NODES), role: prng.pick(ROLES) });
}

function setLabels(lab: Lab, prng: Prng): void {
  const labels: Record<string, string> = {};
  if (prng.chance(2, 3)) labels["tier"] = "web";
  if (prng.chance(2, 3)) labels["port"] = String(8_000 + prng.below(2));
  const location = prng.chance(1, 2) ? { rack: "r1" } : {};
  const change = prng.chance(1, 2) ? { labels } : { location };
  lab.decide({ type: "updateNode", node: prng.pick(NODES), ...change, revision: 0 });
}

function maintain(lab: Lab, prng: Prng): void {
  const node = prng.pick(NODES);
  const begins = prng.chance(1, 3);
  if (begins) lab.decide({ type: "startMaintenance", node, reason: "disks" });
  else lab.decide({ type: "endMaintenance", node });
}

function presence(lab: Lab, prng: Prng): void {
  const word = prng.pick(["alive", "alive", "alive", "suspected", "lost"] as const);
  lab.decide({ type: "reportPresence", node: prng.pick(NODES), presence: word, silentMs: 9_000 });
}

function forget(lab: Lab, prng: Prng): void {
  lab.decide({ type: "forgetNode", node: prng.pick(NODES) });
}

function cancelOperation(lab: Lab, prng: Prng): void {
  const operation = `op-${1 + prng.below(20)}` as OperationId;
  lab.decide({ type: "cancelOperation", operation });
}

/** The services of most nodes end at once. */
function quake(lab: Lab, prng: Prng): void {
  for (const node of NODES) {
    if (prng.chance(1, 5)) continue;
    report(lab, node, (agent) => {
      const seen = [...agent.services.values()];
      if (seen.length === 0) return undefined;
      return agent.see({ ...prng.pick(seen), status: "crashed", pid: 0, reason: "exit" });
    });
  }
}

function releaseStorm(lab: Lab): void {
  for (const { faultDomain } of [...lab.datacenter.storms()]) {
    lab.decide({ type: "releaseStorm", faultDomain, reason: "looked at it" });
  }
}

function cancelAction(lab: Lab, prng: Prng): void {
  const [action] = prng.shuffle([...(lab.datacenter.node(prng.pick(NODES))?.open.values() ?? [])]);
  if (action === undefined) return;
  lab.decide({ type: "cancelAction", action, reason: "not that one" });
  if (prng.chance(1, 2)) lab.withdrawn(action);
}

function pause(lab: Lab): void {
  lab.decide({ type: "pauseActions", reason: "switch" });
}

function resume(lab: Lab): void {
  lab.decide({ type: "resumeActions" });
}

function restartAgent(lab: Lab, prng: Prng): void {
  const node = prng.pick(NODES);
  const agent = lab.agents.get(node);
  if (agent === undefined) lab.boot(node, { tier: "web" }, `life-${lab.index}`);
  else lab.take(agent.start());
}

function wipe(lab: Lab, prng: Prng): void {
  lab.boot(prng.pick(NODES), { port: "8000" }, `life-${lab.index}`);
}

function readHardware(lab: Lab, prng: Prng): void {
  const node = prng.pick(NODES);
  const given: Record<string, string> = prng.chance(1, 3) ? {} : { cores: prng.pick(["4", "16"]) };
  report(lab, node, () => ({ type: "inventoryObserved", inventory: inventoryOf(given) }));
}

function observeService(lab: Lab, prng: Prng): void {
  const node = prng.pick(NODES);
  report(lab, node, (agent) => {
    const seen = [...agent.services.values()];
    if (seen.length === 0) return undefined;
    const status = prng.pick(STATUSES);
    return agent.see({ ...prng.pick(seen), status, reason: status === "crashed" ? "exit" : "" });
  });
}

function observeFile(lab: Lab, prng: Prng): void {
  const node = prng.pick(NODES);
  report(lab, node, (agent) => {
    const seen = [...agent.files.values()];
    if (seen.length === 0) return undefined;
    const status = prng.pick(["inSync", "drifted", "missing"] as const);
    return agent.seeFile({ ...prng.pick(seen), status, diff: status === "drifted" ? "-a +b" : "" });
  });
}

function report(
  lab: Lab,
  node: NodeName,
  make: (agent: ReturnType<Lab["agent"]>) => Parameters<Lab["report"]>[1][number] | undefined,
): void {
  const agent = lab.agents.get(node);
  const fact = agent === undefined ? undefined : make(agent);
  if (fact !== undefined) lab.report(node, [fact]);
}

function behave(lab: Lab, prng: Prng): void {
  const open = lab.datacenter.node(prng.pick(NODES))?.open;
  const [target] = open === undefined || open.size === 0 ? [] : prng.shuffle([...open.keys()]);
  if (target === undefined) return;
  const reason = "bad luck";
  const behaviour = prng.pick<Behaviour>([
    { type: "succeed" },
    { type: "fail", reason },
    { type: "crash", reason },
    { type: "silent" },
    { type: "stay", status: "starting", reason: "" },
    { type: "stay", status: "unhealthy", reason },
  ]);
  for (const agent of lab.agents.values()) agent.behaviours.set(target, behaviour);
}

function execute(lab: Lab, prng: Prng): void {
  const node = prng.pick(NODES);
  if (lab.agents.has(node)) lab.execute(node);
}

function pass(lab: Lab, prng: Prng): void {
  lab.nowMs += prng.pick([1, 100, 999, 1_000, 2_000, 5_000, 30_000, 70_000]);
}
