/**
 * `atoll.v1.DatacenterService`: the island, its replicas, and how its nodes are.
 *
 * Never waits for a dead replica longer than a moment.
 */
import type {
  Datacenter,
  DatacenterServiceServer,
  ListDatacentersRequest,
  ListDatacentersResponse,
  Replica,
} from "@atoll/proto/atoll/v1/datacenter";
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import { type CallContext, unary } from "@atoll/service-kit";
import type { Island } from "../islands/island.ts";
import type { Islands } from "../islands/islands.ts";
import type { StatusAnswer } from "../replicas/replica-clients.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { beginRead, beginReads } from "./begin-read.ts";
import { checkReason } from "./check-reason.ts";
import { pageSizeOf, pageToken, readPageToken } from "./pages.ts";
import { limitsInForce } from "./limits-view.ts";
import { parseDatacenter } from "./parse-names.ts";
import { pauseOf } from "./pause-view.ts";
import { durationOf } from "./time.ts";
import { listStorms, releaseStorm } from "./storms.ts";

export function datacenterService(parts: HandlerParts): DatacenterServiceServer {
  const { environment, islands } = parts;
  return {
    getDatacenter: unary(
      ({ name }, context) => {
        return describe(islands.find(parseDatacenter(name)), islands, context);
      },
      { method: "DatacenterService/GetDatacenter", environment },
    ),
    pauseActions: unary(
      async ({ name, reason, requestId }, context) => {
        const island = islands.find(parseDatacenter(name));
        checkReason(reason);
        const command = { $case: "pauseActions", value: { reason } } as const;
        await island.writes.submit(context, { command, requestId });
        return describe(island, islands, context);
      },
      { method: "DatacenterService/PauseActions", environment },
    ),
    resumeActions: unary(
      async ({ name, requestId }, context) => {
        const island = islands.find(parseDatacenter(name));
        const command = { $case: "resumeActions", value: {} } as const;
        await island.writes.submit(context, { command, requestId });
        return describe(island, islands, context);
      },
      { method: "DatacenterService/ResumeActions", environment },
    ),
    setActionLimits: unary(
      async ({ name, limits, reason, requestId }, context) => {
        const island = islands.find(parseDatacenter(name));
        checkReason(reason);
        const command = { $case: "setActionLimits", value: { limits, reason } } as const;
        await island.writes.submit(context, { command, requestId });
        return describe(island, islands, context);
      },
      { method: "DatacenterService/SetActionLimits", environment },
    ),
    listStorms: unary((request, context) => listStorms(parts, request, context), {
      method: "DatacenterService/ListStorms",
      environment,
    }),
    releaseStorm: unary((request, context) => releaseStorm(parts, request, context), {
      method: "DatacenterService/ReleaseStorm",
      environment,
    }),
    listDatacenters: unary((request, context) => listDatacenters(parts, request, context), {
      method: "DatacenterService/ListDatacenters",
      environment,
    }),
  };
}

/** Sorted by name. */
async function listDatacenters(
  { islands }: HandlerParts,
  request: ListDatacentersRequest,
  context: CallContext,
): Promise<ListDatacentersResponse> {
  const list = ["datacenters"];
  const after = readPageToken(request, list);
  const size = pageSizeOf(request);
  const shown = islands.all.filter(({ datacenter }) => after === undefined || datacenter > after);
  const page = shown.slice(0, size);
  const [asOf, replicas] = await Promise.all([
    beginReads(page, context),
    Promise.all(page.map(replicasOf)),
  ]);
  const last = page.at(-1);
  return {
    datacenters: page.map((island, at) =>
      render(island, islands, { asOf: asOf[at], replicas: replicas[at] ?? [] }),
    ),
    nextPageToken:
      last === undefined || page.length === shown.length ? "" : pageToken(list, last.datacenter),
  };
}

async function describe(
  island: Island,
  islands: Islands,
  context: CallContext,
): Promise<Datacenter> {
  const [asOf, replicas] = await Promise.all([beginRead(island, context), replicasOf(island)]);
  return render(island, islands, { asOf, replicas });
}

function render(
  island: Island,
  islands: Islands,
  asked: { readonly asOf: AsOf | undefined; readonly replicas: readonly Replica[] },
): Datacenter {
  const { names, mirror, nodes } = island;
  const nodesByState: Record<string, number> = {};
  for (const node of mirror.datacenter.nodes()) {
    const state = nodes.condition(node).toUpperCase();
    nodesByState[state] = (nodesByState[state] ?? 0) + 1;
  }
  return {
    name: names.datacenter,
    replicas: asked.replicas,
    nodeCount: mirror.datacenter.nodeCount,
    nodesByState,
    asOf: asked.asOf,
    pause: pauseOf(island),
    limits: limitsInForce(island),
    stormsHeld: [...mirror.datacenter.storms()].filter((storm) => storm.release === undefined)
      .length,
    home: island === islands.home,
  };
}

async function replicasOf({ replicas }: Island): Promise<Replica[]> {
  if (replicas === undefined) return [];
  const answers = await replicas.statuses();
  return [...answers].map(([id, answer]) => replicaOf(id, replicas.address(id), answer));
}

function replicaOf(id: number, address: string, answer: StatusAnswer): Replica {
  if (answer.type === "silent") {
    return {
      id,
      address,
      reachable: false,
      role: "",
      term: 0,
      commitIndex: 0,
      appliedIndex: 0,
      snapshotIndex: 0,
      busConnected: false,
      reason: answer.reason,
    };
  }
  const { role, term, commitIndex, appliedIndex, snapshotIndex, busConnected } = answer.status;
  const { clockAheadMs, timeAheadMs } = answer.status;
  return {
    id,
    address,
    reachable: true,
    role,
    term,
    commitIndex,
    appliedIndex,
    snapshotIndex,
    busConnected,
    reason: "",
    ...(clockAheadMs === undefined ? {} : { clockAhead: durationOf(clockAheadMs) }),
    ...(timeAheadMs === undefined ? {} : { timeAhead: durationOf(timeAheadMs) }),
  };
}
