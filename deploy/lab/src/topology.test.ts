/** Options, ports and the files that a lab writes. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readLabFile, writeLabFile, type LabFile } from "./lab-file.ts";
import { refuseSecondLab } from "./leftovers.ts";
import { DATACENTER_PORTS, LabError, parseOptions } from "./options.ts";
import {
  fixedPorts,
  freePorts,
  labPortLayout,
  linkPortName,
  portLayout,
  portsOf,
} from "./ports.ts";
import { startTicksOf } from "./process-table.ts";
import { natsConfig, natsSpecs } from "./nats-topology.ts";
import { agentSpec, gatewaySpec, labAgentPlan, orchestratorSpec, type Site } from "./topology.ts";

test("parseOptions() reads what npm start takes and refuses the rest", () => {
  assert.deepEqual(parseOptions(["--state", "x", "--fresh", "--agents", "3", "--no-machine"]), {
    stateDir: "x",
    portBase: 7_400,
    fresh: true,
    agents: 3,
    nats: 1,
    machine: false,
    restart: true,
    logLevel: "info",
  });
  assert.equal(parseOptions(["--help"]), "help");
  assert.throws(() => parseOptions(["--agents", "65"]), /allowed is a number from 0 to 64/);
  assert.throws(() => parseOptions(["--nats", "2"]), /--nats "2": allowed are 1 and 3/);
  assert.throws(() => parseOptions(["--port-base", "-1"]), LabError);
  assert.throws(() => parseOptions(["--frsh"]), /--port-base N/);
});

test("fixedPorts() names what is taken", async () => {
  const layout = portLayout(2);
  const free = await freePorts({ base: 0 }, {});
  const base = free["base"] as number;
  const ports = await fixedPorts(layout, base);
  assert.equal(ports["gateway"], base);
  assert.equal(new Set(Object.values(ports)).size, Object.keys(layout).length);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(base + 10, "127.0.0.1", resolve));
  await assert.rejects(fixedPorts(layout, base), new RegExp(`${base + 10} \\(nats\\)`));
  server.close();
});

test("freePorts() keeps the ports of an earlier run that are still free", async () => {
  const layout = portLayout(1);
  const first = await freePorts(layout, {});
  assert.deepEqual(await freePorts(layout, first), first);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(first["gateway"], "127.0.0.1", resolve));
  const second = await freePorts(layout, first);
  server.close();
  assert.notEqual(second["gateway"], first["gateway"]);
  assert.equal(second["nats"], first["nats"]);
});

function siteWith(natsServers: 1 | 3): Site {
  const layout = Object.entries(portLayout(2, natsServers));
  return {
    datacenter: "dc1",
    stateDir: "/state",
    labDir: "/state",
    repositoryDir: "/repository",
    node: "/node",
    natsServer: "/nats-server",
    natsServers,
    logLevel: "info",
    path: "/bin",
    ports: Object.fromEntries(layout.map(([name, offset]) => [name, 30_000 + offset])),
    peers: {},
  };
}

test("specifications carry the environment that the services read", () => {
  const site = siteWith(1);
  const spec = orchestratorSpec(site, 2);
  assert.equal(
    spec.environment["ATOLL_REPLICAS"],
    "1=127.0.0.1:30021,2=127.0.0.1:30022,3=127.0.0.1:30023",
  );
  assert.equal(spec.environment["ATOLL_DATA_DIR"], "/state/orchestrator-2");
  assert.deepEqual(labAgentPlan(site.ports, 2).labels, {
    tier: "web",
    rack: "r2",
    port: "30702",
    "relay-port": "30802",
  });
  assert.match(natsConfig(site, "nats"), /listen: "127.0.0.1:30010"/);
  assert.doesNotMatch(natsConfig(site, "nats"), /cluster/);
});

test("three nats-servers are a cluster whose every server the services know", () => {
  const site = siteWith(3);
  const ports = natsSpecs(site).map((spec) => spec.ports);
  assert.deepEqual(ports, [
    { client: 30_010, monitor: 30_011, routes: 30_012 },
    { client: 30_013, monitor: 30_014, routes: 30_015 },
    { client: 30_016, monitor: 30_017, routes: 30_018 },
  ]);
  const urls = "nats://127.0.0.1:30010,nats://127.0.0.1:30013,nats://127.0.0.1:30016";
  const orchestrator = orchestratorSpec(site, 1).environment;
  assert.equal(orchestrator["ATOLL_NATS_URL"], urls);
  assert.equal(orchestrator["ATOLL_STREAM_REPLICAS"], "3");
  const agent = agentSpec(site, labAgentPlan(site.ports, 1)).environment;
  assert.equal(agent["ATOLL_NATS_URL"], urls);
  const config = natsConfig(site, "nats-2");
  assert.match(config, /listen: "127.0.0.1:30015"\n {2}routes: \[.*30012.*30015.*30018"\]/);
});

test("parseOptions() takes datacenters by names that a folder can have", () => {
  const options = parseOptions(["--datacenters", "east,west"]);
  assert.deepEqual(options !== "help" && options.datacenters, ["east", "west"]);
  const refused = (text: string): LabError => {
    try {
      parseOptions(["--datacenters", text]);
    } catch (error) {
      return error as LabError;
    }
    throw new Error(`${text} was taken`);
  };
  assert.match(refused("east,east").message, /two datacenters are called east/);
  assert.match(refused("east,").message, /datacenter "" is not a name/);
  assert.match(refused("../east").message, /is not a name/);
  assert.match(refused("logs").message, /the lab has a folder of that name/);
  assert.match(refused("a,b,c,d,e,f,g,h,i").message, /1 to 8 datacenters, not 9/);
  // The last port of the last one must still be a port.
  const words = ["--datacenters", "east,west", "--port-base", "63500"];
  assert.throws(() => parseOptions(words), /allowed is a number from 0 to 63000/);
});

test("labPortLayout() gives each datacenter ports of its own, and one for each link", () => {
  const layout = labPortLayout(["east", "west", "north"], 64, 3);
  const offsets = Object.values(layout);
  assert.equal(new Set(offsets).size, offsets.length);
  assert.ok(Math.max(...offsets) < 3 * DATACENTER_PORTS);
  assert.equal(layout[linkPortName("west", "north")], DATACENTER_PORTS + 52);
  const own = [...Object.keys(portLayout(64, 3)), "east-link", "north-link"];
  assert.deepEqual(Object.keys(portsOf(layout, "west")).toSorted(), own.toSorted());
  assert.equal(portsOf(layout, "west")["gateway"], DATACENTER_PORTS);
  assert.equal(portsOf(layout, "west")["east-link"], DATACENTER_PORTS + 50);
});

test("a gateway is told of the others where there are any", () => {
  const alone = siteWith(1);
  assert.equal(gatewaySpec(alone).environment["ATOLL_PEERS"], undefined);
  const among = { ...alone, labDir: "/lab", datacenter: "east", peers: { west: 1, north: 2 } };
  const { environment } = gatewaySpec(among);
  assert.equal(environment["ATOLL_PEERS"], "west=127.0.0.1:1,north=127.0.0.1:2");
  assert.equal(environment["ATOLL_DATACENTER"], "east");
  // What the sweep after the lab's end goes by.
  assert.equal(environment["ATOLL_LAB"], "/lab");
  assert.match(natsConfig(among, "nats"), /server_name: "east-nats"/);
});

test("refuseSecondLab() refuses while the first runs, not after it died", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "atoll-lab-"));
  assert.equal(refuseSecondLab(stateDir), undefined);
  const file: LabFile = {
    version: 2,
    datacenter: "dc1",
    gateway: "127.0.0.1:7400",
    replicas: "",
    natsUrl: "",
    stateDir,
    lab: { pid: process.pid, startTicks: startTicksOf(process.pid) as number },
    control: "127.0.0.1:7402",
    ports: {},
    datacenters: [],
    processes: [],
  };
  writeLabFile(file);
  assert.throws(() => refuseSecondLab(stateDir), /a lab runs here already \(process \d+, gateway/);
  // It has stopped in good order, whatever its process does now.
  writeLabFile({ ...file, control: null });
  assert.deepEqual(refuseSecondLab(stateDir), readLabFile(stateDir));
  // The same pid, but another process: the first is dead.
  writeLabFile({ ...file, lab: { pid: process.pid, startTicks: 1 } });
  assert.deepEqual(refuseSecondLab(stateDir), readLabFile(stateDir));
  await rm(stateDir, { recursive: true });
});
