/**
 * What the chapters share.
 */
import type { Node, ObservedService } from "@atoll/proto/atoll/v1/node";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { ServiceStatus, type FileStatus } from "@atoll/proto/atoll/type/v1/observation";
import { isAlive } from "../support/alive.ts";
import type { StoryApi } from "./api.ts";
import type { History } from "./history.ts";
import { timeUntil } from "./measure.ts";
import type { Narrator } from "./narrator.ts";
import type { Stage } from "./stage.ts";

export interface Cast {
  readonly stage: Stage;
  readonly api: StoryApi;
  readonly history: History;
  readonly narrator: Narrator;
}

export function service(node: Node | undefined, key: string): ObservedService | undefined {
  return node?.services.find((one) => one.observation?.key === key);
}

/** The pid of a healthy service, or undefined. */
export function healthyPid(node: Node | undefined, key: string): number | undefined {
  const observation = service(node, key)?.observation;
  return observation?.status === ServiceStatus.SERVICE_STATUS_HEALTHY ? observation.pid : undefined;
}

/** Pids of all healthy services of a node, by key. */
export function healthyPids(node: Node | undefined): ReadonlyMap<string, number> {
  const pids = new Map<string, number>();
  for (const { observation } of node?.services ?? []) {
    if (observation?.status === ServiceStatus.SERVICE_STATUS_HEALTHY)
      pids.set(observation.key, observation.pid);
  }
  return pids;
}

export function fileStatus(node: Node | undefined, path: string): FileStatus | undefined {
  return node?.files.find((file) => file.observation?.path === path)?.observation?.status;
}

export async function untilState(
  api: StoryApi,
  name: string,
  state: NodeState,
  allowedMs: number,
): Promise<{ readonly tookMs: number; readonly value: Node }> {
  return timeUntil(`${name} is in state ${stateName(state)}`, allowedMs, async () => {
    const node = await api.node(name);
    return node?.state === state && node;
  });
}

/** Milliseconds from `kill -9` until the service is healthy with another pid. */
export async function killService(api: StoryApi, name: string, key: string): Promise<number> {
  // Right after a start of everything the log still tells of processes that are gone.
  const { value: before } = await timeUntil(`${key} on ${name} is healthy`, 30_000, async () => {
    const pid = healthyPid(await api.node(name), key);
    return pid !== undefined && isAlive(pid) && pid;
  });
  process.kill(before, "SIGKILL");
  const { tookMs } = await timeUntil(`${key} on ${name} is healthy again`, 30_000, async () => {
    const after = healthyPid(await api.node(name), key);
    return after !== undefined && after !== before;
  });
  return tookMs;
}

export function stateName(state: NodeState): string {
  const found = Object.entries(NodeState).find(([, value]) => value === state);
  return (found?.[0] ?? "unknown").replace("NODE_STATE_", "").toLowerCase();
}
