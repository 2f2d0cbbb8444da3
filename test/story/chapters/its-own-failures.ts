/** Chapter 4: everything of Atoll is killed, one after the other, then all at once. */
import { NodeServiceService, Node } from "@atoll/proto/atoll/v1/node";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { healthyPids, killService, untilState, type Cast } from "../cast.ts";
import { distribution, time, timeUntil } from "../measure.ts";
import { pulseKeys, startedPids } from "../pulse-role.ts";

const LEADER_KILLS = 5;
const WRITE_MS_MAX = 3_000;

export async function itsOwnFailures(cast: Cast): Promise<void> {
  const { stage, api, narrator } = cast;
  await untilState(api, "n1", NodeState.NODE_STATE_READY, 30_000);
  await untilState(api, "n2", NodeState.NODE_STATE_READY, 30_000);
  const undisturbed = new Undisturbed(cast);
  await undisturbed.remember();

  const failovers: number[] = [];
  for (let round = 1; round <= LEADER_KILLS; round += 1)
    failovers.push(await killLeader(cast, round));
  narrator.check(
    Math.max(...failovers) <= WRITE_MS_MAX,
    `kill -9 of the leader until the next write is confirmed: ${distribution(failovers)} kills`,
  );
  await allReplicasBack(cast);
  await undisturbed.check("services were not disturbed: the same processes as before");

  await stage.kill(await aFollower(cast));
  narrator.holds(
    `kill -9 of a follower: a write was confirmed after ${time(await write(cast, "follower"))}`,
  );
  await allReplicasBack(cast);

  await stage.kill("nats");
  narrator.holds(
    `nats-server killed: a write was confirmed meanwhile in ${time(await write(cast, "nats"))}`,
  );
  const healedMs = await killService(api, "n1", "web/worker");
  narrator.holds(
    `a service killed meanwhile was healthy after ${time(healedMs)}, 1 s of it without a bus`,
  );

  await undisturbed.remember();
  await stage.kill("gateway");
  narrator.holds(
    `kill -9 of the gateway: a write was confirmed after ${time(await write(cast, "gateway"))}`,
  );

  const before = stage.identity("n1")?.pid;
  await stage.kill("n1");
  const { tookMs } = await timeUntil("the agent of n1 runs again", 30_000, async () => {
    const now = stage.identity("n1")?.pid;
    return now !== undefined && now !== before;
  });
  await untilState(api, "n1", NodeState.NODE_STATE_READY, 30_000);
  narrator.holds(
    `kill -9 of an agent, running again after ${time(tookMs)}: it took its services over`,
  );
  await undisturbed.check("they are the same processes as before");

  if (stage.own) await everythingAtOnce(cast, undisturbed);
  await noActionTwice(cast);
}

async function everythingAtOnce(cast: Cast, undisturbed: Undisturbed): Promise<void> {
  const { stage, narrator } = cast;
  await undisturbed.remember();
  await stage.killEverything();
  await undisturbed.checkAlive("kill -9 of everything, the lab included: services went on");
  const beganMs = performance.now();
  await stage.startLab();
  const startedMs = performance.now() - beganMs;
  const confirmedMs = await write(cast, "everything");
  narrator.holds(
    `started again: ready after ${time(startedMs)}, a write confirmed ${time(confirmedMs)} later`,
  );
  for (const node of ["n1", "n2"])
    await untilState(cast.api, node, NodeState.NODE_STATE_READY, 30_000);
  await undisturbed.check("all nodes are ready with the same processes as before");
}

/** Returns the time from the kill until a write was confirmed. */
async function killLeader(cast: Cast, round: number): Promise<number> {
  await allReplicasBack(cast);
  const leader = await cast.api.leader();
  const beganMs = performance.now();
  await cast.stage.kill(leader);
  await write(cast, `leader-${round}`);
  return performance.now() - beganMs;
}

async function aFollower(cast: Cast): Promise<string> {
  const leader = await cast.api.leader();
  return ["orchestrator-1", "orchestrator-2", "orchestrator-3"].find(
    (name) => name !== leader,
  ) as string;
}

async function allReplicasBack(cast: Cast): Promise<void> {
  await timeUntil("all replicas answer", 30_000, async () => {
    const { replicas } = await cast.api.dc();
    return replicas.length === 3 && replicas.every((replica) => replica.reachable);
  });
}

/** Sets a label on n1; returns how long it took to be confirmed. */
async function write({ api }: Cast, value: string): Promise<number> {
  const beganMs = performance.now();
  const name = `${api.datacenter}/nodes/n1`;
  const found = await api.insist(NodeServiceService.getNode, { name }, 30_000);
  const node = Node.fromPartial({ name, labels: { ...found.labels, story: value } });
  const requestId = `story-${value}-${process.pid}`;
  const request = { node, updateMask: ["labels"], requestId };
  await api.insist(NodeServiceService.updateNode, request, 30_000);
  return performance.now() - beganMs;
}

/** Which processes serve on the nodes, to be compared with later. */
class Undisturbed {
  readonly #cast: Cast;
  #before = new Map<string, ReadonlyMap<string, number>>();

  constructor(cast: Cast) {
    this.#cast = cast;
  }

  async remember(): Promise<void> {
    this.#before = await this.#pids();
  }

  async check(text: string): Promise<void> {
    const after = await this.#pids();
    const changed = [...this.#before].flatMap(([node, pids]) =>
      [...pids].flatMap(([key, pid]) =>
        after.get(node)?.get(key) === pid ? [] : [`${node} ${key}`],
      ),
    );
    this.#cast.narrator.check(
      changed.length === 0,
      `${text} (${this.#count} services)`,
      changed.join(", "),
    );
  }

  /** Without asking Atoll. */
  async checkAlive(text: string): Promise<void> {
    const dead = [...this.#before.values()]
      .flatMap((pids) => [...pids.values()])
      .filter((pid) => !isAlive(pid));
    this.#cast.narrator.check(
      dead.length === 0,
      `${text} (${this.#count})`,
      `dead: ${dead.join(", ")}`,
    );
  }

  get #count(): number {
    return [...this.#before.values()].reduce((sum, pids) => sum + pids.size, 0);
  }

  async #pids(): Promise<Map<string, ReadonlyMap<string, number>>> {
    const pids = new Map<string, ReadonlyMap<string, number>>();
    for (const node of ["n1", "n2"]) pids.set(node, healthyPids(await this.#cast.api.node(node)));
    return pids;
  }
}

/**
 * What the nodes did, from files that the services wrote at each start, against what the history
 * says.
 */
async function noActionTwice({ stage, history, narrator }: Cast): Promise<void> {
  const started = new Map<string, number>();
  for (const event of history.seen) {
    const payload = event.payload?.event;
    if (payload?.$case === "actionPlanned") {
      const order = payload.value.order?.order;
      if (order?.$case !== "startService" && order?.$case !== "restartService") continue;
      count(started, `${payload.value.node} ${order.value.key}`);
    } else if (payload?.$case === "serviceRestartedAlone") {
      count(started, `${payload.value.node} ${payload.value.key}`);
    }
  }
  let starts = 0;
  const wrong: string[] = [];
  for (const node of ["n1", "n2"]) {
    for (const key of pulseKeys()) {
      const pids = startedPids(stage, node, key);
      starts += pids.length;
      const ordered = started.get(`${node} ${key}`) ?? 0;
      if (pids.length > ordered)
        wrong.push(`${node} ${key}: ${ordered} ordered, ${pids.length} started`);
    }
  }
  narrator.check(
    wrong.length === 0,
    `no action ran twice: ${starts} starts on the nodes, each ordered by one action`,
    wrong.slice(0, 5).join("; "),
  );
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
