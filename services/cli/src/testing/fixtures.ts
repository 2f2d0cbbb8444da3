/** A small datacenter in the words of the API, fixed in time, for golden outputs. */
import { ActionStatus, type Action } from "@atoll/proto/atoll/v1/action";
import type { Since } from "@atoll/proto/atoll/v1/common";
import type { Event } from "@atoll/proto/atoll/v1/event";
import { Node, NodeState, type ExplainNodeResponse, type Reason } from "@atoll/proto/atoll/v1/node";
import { OperationStatus, type Operation } from "@atoll/proto/atoll/v1/operation";
import type { Role } from "@atoll/proto/atoll/v1/role";
import { FileStatus, ServiceStatus } from "@atoll/proto/atoll/type/v1/observation";
import { Inventory } from "@atoll/proto/atoll/type/v1/inventory";
import { DriftPolicy, RoleSpec, ServiceSpec } from "@atoll/proto/atoll/type/v1/role_spec";

/** The moment at which every golden output is taken. */
export const NOW_MS: number = Date.UTC(2025, 5, 1, 12, 0, 0);

export function since(secondsAgo: number, index: number): Since {
  return { time: { seconds: NOW_MS / 1_000 - secondsAgo, nanos: 0 }, index };
}

const value = (text: string): { reading: { $case: "value"; value: string } } => ({
  reading: { $case: "value", value: text },
});
const count = (number: number): { reading: { $case: "value"; value: number } } => {
  return { reading: { $case: "value", value: number } };
};
const unknown = (reason: string): { reading: { $case: "unknownReason"; value: string } } => ({
  reading: { $case: "unknownReason", value: reason },
});

const inventory: Inventory = {
  ...Inventory.fromPartial({}),
  system: {
    manufacturer: value("Supermicro"),
    product: value("SYS-1029P"),
    serial: unknown("not readable without root"),
  },
  cpu: {
    model: value("Intel(R) Xeon(R) Silver 4210"),
    architecture: value("x86_64"),
    sockets: count(1),
    cores: count(10),
    threads: count(20),
  },
  memory: {
    totalBytes: count(68_719_476_736),
    dimms: [],
    dimmsUnknownReason: "dmidecode is not installed",
  },
  disks: [
    {
      name: "nvme0n1",
      kind: value("nvme"),
      sizeBytes: count(1_000_204_886_016),
      model: value("Samsung SSD 980"),
      serial: value("S649NX0R"),
    },
  ],
  nics: [
    {
      name: "eno1",
      mac: value("0c:c4:7a:00:00:01"),
      speedMbps: count(10_000),
      link: value("up"),
      driver: value("ixgbe"),
    },
  ],
  bmc: { present: false, interfaceName: undefined, address: undefined, firmware: undefined },
  kernel: value("6.1.0-18-amd64"),
  operatingSystem: value("Debian GNU/Linux 12 (bookworm)"),
  hostName: value("n1"),
};

const DIFF = '--- wanted\n+++ found\n@@ -1,3 +1,3 @@\n {\n-  "port": 8101\n+  "port": 9\n }\n';

function node(about: Partial<Node>): Node {
  return { ...Node.fromPartial({}), ...about };
}

export const nodes: readonly Node[] = [
  node({
    name: "datacenters/dc1/nodes/n1",
    state: NodeState.NODE_STATE_CONFIGURING,
    stateReason: "file /etc/web/config.json is drifted",
    stateSince: since(4, 58),
    labels: { tier: "web", rack: "r1", port: "8101" },
    location: { room: "hall-2", rack: "r1" },
    roles: ["roles/web"],
    inventory,
    inventorySince: since(3_725, 3),
    services: [
      {
        observation: {
          key: "web/app",
          digest: "5f1c",
          status: ServiceStatus.SERVICE_STATUS_HEALTHY,
          pid: 4_123,
          reason: "",
        },
        since: since(95, 41),
        failureCount: 0,
      },
      {
        observation: {
          key: "web/worker",
          digest: "77aa",
          status: ServiceStatus.SERVICE_STATUS_CRASHED,
          pid: 0,
          reason: "killed by SIGKILL",
        },
        since: since(2, 60),
        failureCount: 2,
      },
    ],
    files: [
      {
        observation: {
          path: "/etc/web/config.json",
          digest: "aa01",
          status: FileStatus.FILE_STATUS_DRIFTED,
          diff: DIFF,
          reason: "",
        },
        since: since(4, 58),
      },
    ],
    agentVersion: "0.1.0",
    bootId: "b7c1",
    incarnation: "i-1",
    discovered: since(3_800, 2),
    presenceSince: since(3_800, 2),
    etag: "12",
  }),
  node({
    name: "datacenters/dc1/nodes/n2",
    state: NodeState.NODE_STATE_MAINTENANCE,
    stateReason: "in maintenance",
    stateSince: since(60, 44),
    assignedRoles: ["roles/relay"],
    roles: ["roles/relay"],
    maintenance: { reason: "replacing a disk", actor: "user/ada", since: since(60, 44) },
    discovered: since(200_000, 4),
    presenceSince: since(200_000, 4),
    etag: "44",
  }),
  node({
    // What a hostile node might call its trouble: colours, a cleared screen, reversed text.
    name: "datacenters/dc1/nodes/n3",
    state: NodeState.NODE_STATE_DEGRADED,
    stateReason: "service web/app: \u001b[2J\u001b[31mowned\u0007\u202egnp.exe\n second line",
    stateSince: since(1, 61),
    discovered: since(10, 50),
    presenceSince: since(10, 50),
    etag: "61",
  }),
];

export const actions: readonly Action[] = [
  {
    name: "datacenters/dc1/actions/n1-7",
    node: "datacenters/dc1/nodes/n1",
    target: "file:/etc/web/config.json",
    order: {
      order: {
        $case: "writeFile",
        value: {
          path: "/etc/web/config.json",
          content: '{\n  "port": 8101\n}\n',
          mode: "0644",
          owner: undefined,
          group: undefined,
          drift: DriftPolicy.DRIFT_POLICY_RESTORE,
          digest: "aa01",
        },
      },
    },
    status: ActionStatus.ACTION_STATUS_SUCCEEDED,
    cause: "role web was applied",
    causeIndex: 30,
    attempt: 1,
    generation: 7,
    planned: since(100, 31),
    ended: since(99, 33),
    reason: "",
    durationMs: 12,
  },
  {
    name: "datacenters/dc1/actions/n1-9",
    node: "datacenters/dc1/nodes/n1",
    target: "service:web/worker",
    order: {
      order: {
        $case: "restartService",
        value: {
          key: "web/worker",
          driver: 1,
          command: ["node", "srv/web/worker.js"],
          unit: "",
          environment: { LEVEL: "info" },
          health: undefined,
          stopTimeoutMs: 10_000,
          digest: "77aa",
        },
      },
    },
    status: ActionStatus.ACTION_STATUS_FAILED,
    cause: "service web/worker crashed",
    causeIndex: 55,
    attempt: 2,
    generation: 9,
    planned: since(6, 56),
    ended: since(5, 57),
    reason: "exit status 1",
    durationMs: 1_234,
  },
];

function reason(subject: string, text: string, about: Partial<Reason> = {}): Reason {
  return { subject, text, since: undefined, detail: "", ...about };
}

export const explanation: ExplainNodeResponse = {
  node: nodes[0] as Node,
  desired: [
    reason("role web", "matches label tier=web", { since: since(101, 30) }),
    reason("service:web/app", "runs and is healthy", { since: since(101, 30) }),
    reason("service:web/worker", "runs, after app is healthy", { since: since(101, 30) }),
    reason("file:/etc/web/config.json", "as rendered, mode 0644", { since: since(101, 30) }),
  ],
  observed: [
    reason("service:web/app", "healthy, pid 4123", { since: since(95, 41) }),
    reason("service:web/worker", "crashed: killed by SIGKILL", { since: since(2, 60) }),
    reason("file:/etc/web/config.json", "drifted", { since: since(4, 58), detail: DIFF }),
  ],
  doing: [reason("file:/etc/web/config.json", "action n1-10 writes it", { since: since(3, 59) })],
  waiting: [reason("service:web/worker", "restarts in 2 s: it failed 2 times in a row")],
  recentActions: actions.toReversed(),
  asOf: {
    datacenter: "dc1",
    index: 61,
    time: since(0, 61).time,
    age: { seconds: 0, nanos: 4_000_000 },
    stale: false,
  },
};

export const operations: readonly Operation[] = [
  {
    name: "datacenters/dc1/operations/op-1",
    kind: "applyRoles",
    description: "apply role web",
    status: OperationStatus.OPERATION_STATUS_SUCCEEDED,
    done: true,
    actor: "user/ada",
    started: since(101, 30),
    ended: since(98, 42),
    reason: "",
    nodeCount: 1,
    readyNodeCount: 1,
    waiting: [],
    index: 30,
  },
  {
    name: "datacenters/dc1/operations/op-2",
    kind: "assignRole",
    description: "assign role relay to n2",
    status: OperationStatus.OPERATION_STATUS_RUNNING,
    done: false,
    actor: "user/ada",
    started: since(61, 43),
    ended: undefined,
    reason: "",
    nodeCount: 1,
    readyNodeCount: 0,
    waiting: ["n2: in maintenance: replacing a disk"],
    index: 43,
  },
];

function service(about: Partial<ServiceSpec>): ServiceSpec {
  return { ...ServiceSpec.fromPartial({ driver: 1, stopTimeoutMs: 10_000 }), ...about };
}

export const roles: readonly Role[] = [
  {
    name: "roles/web",
    spec: {
      name: "web",
      description: "Serves pages.",
      match: { labels: { tier: "web" }, location: undefined, hardware: undefined },
      drift: DriftPolicy.DRIFT_POLICY_RESTORE,
      files: [
        {
          path: "/etc/web/config.json",
          mode: "0644",
          owner: undefined,
          group: undefined,
          template: '{ "port": {{ labels.port }} }',
        },
      ],
      services: [
        service({
          name: "app",
          command: ["node", "srv/web/server.js"],
          restartOn: ["/etc/web/config.json"],
          health: {
            probe: { $case: "http", value: { url: "http://127.0.0.1:{{ labels.port }}/health" } },
            intervalMs: 500,
            timeoutMs: 1_000,
            healthyAfter: 1,
            unhealthyAfter: 3,
          },
        }),
        service({ name: "worker", command: ["node", "srv/web/worker.js"], after: ["app"] }),
      ],
    },
    etag: "30",
    since: since(101, 30),
    nodeCount: 1,
  },
  {
    name: "roles/relay",
    spec: {
      ...RoleSpec.fromPartial({ name: "relay", drift: DriftPolicy.DRIFT_POLICY_REPORT }),
    },
    etag: "1",
    since: since(4_000, 1),
    nodeCount: 1,
  },
];

function event(index: number, offset: number, about: Partial<Event>): Event {
  return {
    name: `datacenters/dc1/events/${index}-${offset}`,
    index,
    offset,
    time: since(120 - index, index).time,
    type: "serviceStatusChanged",
    node: "datacenters/dc1/nodes/n1",
    actor: "agent/n1",
    text: "",
    payload: undefined,
    ...about,
  };
}

export const events: readonly Event[] = [
  event(30, 0, { type: "roleApplied", node: "", actor: "user/ada", text: "role web applied" }),
  event(30, 1, {
    type: "operationStarted",
    node: "",
    actor: "user/ada",
    text: "op-1 apply role web",
  }),
  event(31, 0, {
    type: "actionPlanned",
    actor: "planner",
    text: "n1-7 writes /etc/web/config.json",
  }),
  event(33, 0, { type: "actionSucceeded", text: "n1-7 took 12 ms" }),
  event(41, 0, { text: "service web/app is healthy, pid 4123" }),
];
