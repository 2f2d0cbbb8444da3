/**
 * Two datacenters of real processes with a link between them, which is cut and healed
 * (design.md §7).
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { type Lab, processesOfLab, startLab } from "@atoll/lab";
import { type ListNodesResponse, NodeServiceService } from "@atoll/proto/atoll/v1/node";
import { type ServiceError, status } from "@grpc/grpc-js";
import { StoryApi } from "../story/api.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";

const READY_MS = 60_000;
const EAST = "datacenters/east/nodes/n1";
const WEST = "datacenters/west/nodes/n1";

let stateDir: string;
let lab: Lab;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-federation-"));
  const datacenters = ["east", "west"];
  lab = await startLab({
    stateDir,
    portBase: 0,
    datacenters,
    agents: 1,
    machine: false,
    restart: false,
  });
});

afterEach(() => lab.links.heal("east", "west"));

after(async () => {
  await lab?.stop();
  const left = processesOfLab(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

function apiOf(datacenter: string): StoryApi {
  return new StoryApi(lab.in(datacenter).gatewayAddress, datacenter);
}

function listAll(api: StoryApi): Promise<ListNodesResponse> {
  const request = { parent: "datacenters/-", pageSize: 0, pageToken: "", filter: "" };
  return api.call(NodeServiceService.listNodes, request);
}

/** Waits until both nodes are seen, and the other datacenter is in reach or not. */
async function untilSeen(api: StoryApi, other: string, stale: boolean): Promise<ListNodesResponse> {
  let seen: ListNodesResponse | undefined;
  await timeUntil(`${other} is seen, stale: ${stale}`, READY_MS, async () => {
    seen = await listAll(api).catch(() => undefined);
    const names = seen?.nodes.map(({ name }) => name).join(" ");
    const asOf = seen?.asOf.find(({ datacenter }) => datacenter === other);
    return names === `${EAST} ${WEST}` && asOf?.stale === stale;
  });
  return seen as ListNodesResponse;
}

function maintain(api: StoryApi, name: string, reason: string): Promise<unknown> {
  const requestId = `${name} ${reason}`.replaceAll(/[ /]/g, "-");
  return api.call(NodeServiceService.startMaintenance, { name, reason, requestId });
}

async function untilReason(api: StoryApi, name: string, reason: string): Promise<void> {
  await timeUntil(`${name} is in maintenance`, READY_MS, async () => {
    const { nodes } = await listAll(api);
    return nodes.find((node) => node.name === name)?.maintenance?.reason === reason;
  });
}

test("each gateway answers for both datacenters, and `atoll` shows both", async () => {
  using east = apiOf("east");
  using west = apiOf("west");
  await untilSeen(east, "west", false);
  await untilSeen(west, "east", false);
  const shown = await runAtoll(
    lab.in("east").gatewayAddress,
    "node",
    "list",
    "--datacenter",
    "all",
  );
  assert.match(shown, /^east +n1 .*\nwest +n1 .*\nwest: as known [0-9.]+m?s ago/m);
});

test("a write at another datacenter's node is decided by its home and seen by both", async () => {
  using east = apiOf("east");
  using west = apiOf("west");
  await untilSeen(east, "west", false);
  await maintain(east, WEST, "from the east");
  await untilReason(west, WEST, "from the east");
  await untilReason(east, WEST, "from the east");
});

test("cut off, each goes on and says how old the rest is; healed, they agree", async () => {
  for (const cut of ["cut", "oneWay"] as const) {
    using east = apiOf("east");
    using west = apiOf("west");
    await untilSeen(east, "west", false);
    lab.links[cut]("east", "west");
    await untilSeen(east, "west", true);
    await untilSeen(west, "east", true);
    await maintain(east, EAST, `${cut} alone`);
    const refused = await maintain(east, WEST, `${cut} too far`).catch((error: unknown) => error);
    const { code, details } = refused as ServiceError;
    assert.equal(code, status.UNAVAILABLE, details);
    assert.match(details, /datacenter west .*last heard of at .* what is known of it here is /);
    const { nodes } = await listAll(west);
    const known = nodes.find(({ name }) => name === EAST)?.maintenance?.reason;
    // One way, what happens in the east is heard of in the west, which cannot know that it is new.
    if (cut === "cut") assert.notEqual(known, "cut alone");
    lab.links.heal("east", "west");
    await untilSeen(west, "east", false);
    await untilReason(west, EAST, `${cut} alone`);
    await untilSeen(east, "west", false);
  }
});

test("a gateway that starts while the link is cut answers for both", async () => {
  using east = apiOf("east");
  await untilSeen(east, "west", false);
  lab.links.cut("east", "west");
  const gateway = lab.in("east").process("gateway");
  await gateway.kill("SIGKILL");
  await gateway.start();
  const { asOf } = await untilSeen(east, "west", true);
  const age = asOf.find(({ datacenter }) => datacenter === "west")?.age;
  assert.ok(age !== undefined);
  lab.links.heal("east", "west");
  await untilSeen(east, "west", false);
});

test("a datacenter that is gone is shown as it was last seen", async () => {
  using east = apiOf("east");
  await untilSeen(east, "west", false);
  for (const process of lab.in("west").processes) await process.kill("SIGKILL");
  await untilSeen(east, "west", true);
  await maintain(east, EAST, "west is gone");
});
