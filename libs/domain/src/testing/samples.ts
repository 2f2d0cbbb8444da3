/**
 * One example or more of every event, command and fact, for tests.
 *
 * The tables are complete by their types: a new event without an example does not compile. Pure
 * like the rest of the domain; used by tests of the domain, of its wire form, and of what is built
 * upon it.
 */
import type { DomainEvent } from "../event.ts";
import type { FileObservation, ServiceObservation, ServiceStatus } from "../fact.ts";
import type { FaultDomainName } from "../fault-domain.ts";
import { known, unknown } from "../inventory.ts";
import type { Inventory } from "../inventory.ts";
import type { InventoryDifference } from "../inventory-difference.ts";
import type {
  ActionId,
  DatacenterName,
  NodeName,
  OperationId,
  RoleName,
  ServiceKey,
  ServiceName,
} from "../names.ts";
import { serviceTarget } from "../names.ts";
import type { Order, RenderedFile, RenderedService } from "../order.ts";
import type { RoleSpec, ServiceSpec } from "../role.ts";
import { firstTwin, secondTwin } from "./sample-twins.ts";

export const dc1: DatacenterName = "dc1" as DatacenterName;
export const n1: NodeName = "n1" as NodeName;
export const n2: NodeName = "n2" as NodeName;
export const web: RoleName = "web" as RoleName;
export const webApp: ServiceKey = "web/app" as ServiceKey;
export const webAppTarget: ReturnType<typeof serviceTarget> = serviceTarget(webApp);

export function serviceNamed(name: string): ServiceName {
  return name as ServiceName;
}

export const sampleInventory: Inventory = {
  system: { manufacturer: known("ACME"), product: known("R1"), serial: unknown("needs root") },
  board: { manufacturer: known("ACME"), product: known("B1"), serial: known("S-1") },
  bios: { vendor: known("ACME"), version: known("1.2"), date: known("2024-01-02") },
  cpu: {
    model: known("Example CPU 7"),
    architecture: known("x86_64"),
    sockets: known(1),
    cores: known(8),
    threads: known(16),
  },
  memory: {
    totalBytes: known(34_359_738_368),
    dimms: known([
      {
        slot: "A1",
        sizeBytes: 34_359_738_368,
        kind: known("DDR4"),
        speedMts: known(3_200),
        serial: unknown("blank"),
      },
    ]),
  },
  disks: known([
    {
      name: "nvme0n1",
      kind: known("nvme"),
      sizeBytes: known(960_197_124_096),
      model: known("D7"),
      serial: known("D-1"),
    },
    {
      name: "sda",
      kind: unknown("odd"),
      sizeBytes: unknown("odd"),
      model: unknown("odd"),
      serial: unknown("odd"),
    },
  ]),
  nics: known([
    {
      name: "eth0",
      mac: known("02:00:00:00:00:01"),
      speedMbps: known(25_000),
      link: known("up"),
      driver: known("mlx5"),
    },
    {
      name: "eth1",
      mac: unknown("odd"),
      speedMbps: unknown("no link"),
      link: known("down"),
      driver: unknown("odd"),
    },
  ]),
  bmc: known({
    present: true,
    interfaceName: known("ipmi0"),
    address: unknown("needs root"),
    firmware: known("2.1"),
  }),
  kernel: known("6.1.0"),
  operatingSystem: known("Debian GNU/Linux 12"),
  hostName: known("n1"),
};

export const bareInventory: Inventory = {
  ...sampleInventory,
  memory: { totalBytes: unknown("no /proc"), dimms: unknown("needs root") },
  disks: known([]),
  nics: unknown("no /sys"),
  bmc: unknown("needs root"),
};

export const sampleService: ServiceSpec = {
  name: serviceNamed("app"),
  driver: "process",
  command: ["/bin/app", "--port", "{{ labels.port }}"],
  unit: "",
  environment: { LANG: "C", PORT: "{{ labels.port }}" },
  after: [],
  restartOn: ["/etc/app.conf"],
  health: {
    probe: { type: "http", url: "http://127.0.0.1:{{ labels.port }}/health" },
    intervalMs: 1_000,
    timeoutMs: 500,
    healthyAfter: 1,
    unhealthyAfter: 3,
  },
  stopTimeoutMs: 10_000,
};

export const sampleRole: RoleSpec = {
  name: web,
  description: "serves pages",
  match: {
    labels: { use: "web" },
    location: { rack: "r1" },
    hardware: { architecture: "x86_64", coresMin: 2, memoryMibMin: 1_024, disksMin: 1 },
  },
  drift: "restore",
  files: [
    {
      path: "/etc/app.conf",
      mode: "0644",
      owner: "root",
      group: "0",
      template: "node={{ node.name }}\n",
    },
  ],
  services: [
    sampleService,
    {
      name: serviceNamed("proxy"),
      driver: "systemd",
      command: [],
      unit: "nginx.service",
      environment: {},
      after: [serviceNamed("app")],
      restartOn: [],
      health: {
        probe: { type: "tcp", host: "127.0.0.1", port: "80" },
        intervalMs: 1_000,
        timeoutMs: 1_000,
        healthyAfter: 2,
        unhealthyAfter: 5,
      },
      stopTimeoutMs: 500,
    },
  ],
};

/** A role with nothing in it but its name. */
export function emptyRole(name: string): RoleSpec {
  return { name: name as RoleName, description: "", drift: "report", files: [], services: [] };
}

export const renderedFile: RenderedFile = {
  path: "/etc/app.conf",
  content: "node=n1\n",
  mode: "0644",
  owner: "root",
  group: "0",
  drift: "restore",
  digest: "f1",
};

export const renderedService: RenderedService = {
  key: webApp,
  driver: "process",
  command: ["/bin/app", "--port", "8101"],
  unit: "",
  environment: { LANG: "C", PORT: "8101" },
  health: {
    probe: { type: "exec", command: ["/bin/true"] },
    intervalMs: 1_000,
    timeoutMs: 1_000,
    healthyAfter: 1,
    unhealthyAfter: 3,
  },
  stopTimeoutMs: 10_000,
  digest: "d1",
};

export const sampleOrders: { readonly [T in Order["type"]]: Extract<Order, { type: T }> } = {
  writeFile: { type: "writeFile", file: renderedFile },
  removeFile: { type: "removeFile", path: "/etc/app.conf" },
  startService: { type: "startService", service: renderedService },
  restartService: {
    type: "restartService",
    service: { ...renderedService, driver: "systemd", command: [], unit: "app.service" },
  },
  stopService: { type: "stopService", key: webApp },
};

export function serviceSeen(
  status: ServiceStatus,
  more: Partial<ServiceObservation> = {},
): ServiceObservation {
  const running = status !== "stopped" && status !== "crashed";
  const reason = status === "crashed" ? "exit status 1" : "";
  return { key: webApp, digest: "d1", status, pid: running ? 100 : 0, reason, ...more };
}

export function fileSeen(
  status: FileObservation["status"],
  more: Partial<FileObservation> = {},
): FileObservation {
  const diff = status === "drifted" ? "-node=n1\n+node=n9\n" : "";
  return { path: "/etc/app.conf", digest: "f1", status, diff, reason: "", ...more };
}

export const sampleDifference: InventoryDifference = {
  base: "d1",
  changed: { nics: sampleInventory.nics },
};

export type ByType<U extends { readonly type: string }> = {
  readonly [T in U["type"]]: Extract<U, { type: T }>;
};

export const act: ActionId = "n1-1" as ActionId;
export const rackR1: FaultDomainName = "rack:r1" as FaultDomainName;
export const op: OperationId = "op-1" as OperationId;

export const sampleEvents: ByType<DomainEvent> = {
  nodeDiscovered: {
    type: "nodeDiscovered",
    node: n1,
    incarnation: "i1",
    labels: { port: "8101", use: "web" },
  },
  nodeWiped: { type: "nodeWiped", node: n1, incarnation: "i2", lost: 2 },
  agentStarted: {
    type: "agentStarted",
    node: n1,
    agentVersion: "0.1.0",
    bootId: "b1",
    rebooted: false,
    services: [serviceSeen("healthy")],
    files: [fileSeen("drifted")],
  },
  inventoryChanged: { type: "inventoryChanged", node: n1, inventory: sampleInventory },
  serviceStatusChanged: { type: "serviceStatusChanged", node: n1, service: serviceSeen("crashed") },
  serviceForgotten: { type: "serviceForgotten", node: n1, key: webApp },
  serviceRestartedAlone: {
    type: "serviceRestartedAlone",
    node: n1,
    key: webApp,
    reason: "exit status 1",
  },
  fileStatusChanged: { type: "fileStatusChanged", node: n1, file: fileSeen("missing") },
  fileForgotten: { type: "fileForgotten", node: n1, path: "/etc/app.conf" },
  inventoryOutdated: { type: "inventoryOutdated", node: n1 },
  factsDropped: { type: "factsDropped", node: n1, lane: "state", count: 12, sinceMs: 4 },
  factsAccepted: {
    type: "factsAccepted",
    node: n1,
    incarnation: "i1",
    through: { boot: 1, sequence: 7 },
  },
  nodeSuspected: { type: "nodeSuspected", node: n1, silentMs: 3_000 },
  nodeLost: { type: "nodeLost", node: n1, silentMs: 30_000 },
  nodeReturned: { type: "nodeReturned", node: n1 },
  identityConflict: { type: "identityConflict", node: n1, claimants: [firstTwin, secondTwin] },
  identityConflictEnded: { type: "identityConflictEnded", node: n1, remaining: secondTwin },
  nodeUpdated: {
    type: "nodeUpdated",
    node: n1,
    labels: { use: "db" },
    location: { room: "a", rack: "r1", position: "7" },
  },
  roleAssigned: { type: "roleAssigned", node: n1, role: web },
  roleUnassigned: { type: "roleUnassigned", node: n1, role: web },
  maintenanceStarted: { type: "maintenanceStarted", node: n1, reason: "new disk" },
  maintenanceEnded: { type: "maintenanceEnded", node: n1 },
  disruptionEnded: { type: "disruptionEnded", node: n1, target: webAppTarget },
  nodeForgotten: { type: "nodeForgotten", node: n1 },
  roleApplied: { type: "roleApplied", role: sampleRole },
  roleDeleted: { type: "roleDeleted", role: web },
  actionPlanned: {
    type: "actionPlanned",
    node: n1,
    action: act,
    generation: 1,
    target: webAppTarget,
    order: sampleOrders.startService,
    cause: { text: "it is wanted", index: 4 },
    disruptive: false,
    attempt: 1,
    deadlineMs: 60_000,
  },
  actionSucceeded: { type: "actionSucceeded", node: n1, action: act, durationMs: 12 },
  actionFailed: {
    type: "actionFailed",
    node: n1,
    action: act,
    reason: "no such program",
    durationMs: 3,
  },
  actionTimedOut: { type: "actionTimedOut", node: n1, action: act },
  actionCancelRequested: {
    type: "actionCancelRequested",
    node: n1,
    action: act,
    reason: "the wrong rack",
  },
  actionCancelled: {
    type: "actionCancelled",
    node: n1,
    action: act,
    reason: "maintenance: new disk",
  },
  operationStarted: {
    type: "operationStarted",
    operation: op,
    kind: "applyRoles",
    description: "apply role web",
    nodes: [n1, n2],
  },
  operationSucceeded: { type: "operationSucceeded", operation: op },
  operationCancelled: { type: "operationCancelled", operation: op, reason: "cancelled by ann" },
  replicaAddressSet: {
    type: "replicaAddressSet",
    replica: 4,
    address: "10.0.0.4:7500",
    replaces: 3,
  },
  replicaRetired: { type: "replicaRetired", replica: 3 },
  replicaForgotten: { type: "replicaForgotten", replica: 3 },
  groupRestored: {
    type: "groupRestored",
    group: "atoll/dc1/2",
    previousGroup: "atoll/dc1",
    backupIndex: 41,
  },
  sightLost: { type: "sightLost", domain: "rack:r1/k1", silent: 38, nodes: 40 },
  sightRegained: { type: "sightRegained", domain: "rack:r1/k1", silent: 2 },
  stormHeld: { type: "stormHeld", faultDomain: rackR1, nodes: 6, of: 10, sharePercent: 30 },
  stormReleased: { type: "stormReleased", faultDomain: rackR1, reason: "the switch is back" },
  stormEnded: { type: "stormEnded", faultDomain: rackR1 },
  actionsPaused: { type: "actionsPaused", reason: "the switch is replaced" },
  actionsResumed: { type: "actionsResumed" },
  actionLimitsSet: {
    type: "actionLimitsSet",
    limits: {
      disruptionsPerNodeMax: 2,
      disruptedPercentMax: 50,
      settleMs: 0,
      stormPercent: 40,
      stormNodesMin: 8,
    },
    reason: "a quiet night",
  },
  requestRecorded: {
    type: "requestRecorded",
    requestId: "r-1",
    digest: "0123456789abcdef",
    operation: op,
  },
};
