/**
 * A gateway in memory: answers from the fixtures over a real gRPC connection.
 *
 * It remembers what it was asked, refuses what tests want refused, and can break streams, so that
 * whole commands are tested in one process. It decides nothing and knows no filters but the
 * node's name.
 */
import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { ActionServiceService } from "@atoll/proto/atoll/v1/action";
import { DatacenterServiceService } from "@atoll/proto/atoll/v1/datacenter";
import {
  EventServiceService,
  type WatchEventsRequest,
  type WatchEventsResponse,
} from "@atoll/proto/atoll/v1/event";
import { GroupServiceService } from "@atoll/proto/atoll/v1/group";
import { NodeServiceService, NodeState, type Node } from "@atoll/proto/atoll/v1/node";
import {
  OperationServiceService,
  OperationStatus,
  type Operation,
} from "@atoll/proto/atoll/v1/operation";
import { RoleServiceService, type ApplyRolesRequest } from "@atoll/proto/atoll/v1/role";
import { ACTOR_KEY, ApiError, toStatus } from "@atoll/service-kit";
import * as elsewhere from "./elsewhere.ts";
import { FakeActionControl, type UnaryFactory } from "./fake-action-control.ts";
import { FakeGroup } from "./fake-group.ts";
import { find } from "./find.ts";
import { datacenter } from "./fixture-datacenter.ts";
import * as fixtures from "./fixtures.ts";

type WatchEventsCall = ServerWritableStream<WatchEventsRequest, WatchEventsResponse>;

export interface ReceivedRequest {
  readonly method: string;
  readonly request: unknown;
  /** Who asks, as the caller says. */
  readonly actor?: unknown;
}

export interface FakeGateway extends AsyncDisposable {
  readonly address: string;
  /** Requests in order of arrival: the method's name and the message. */
  readonly requests: readonly ReceivedRequest[];
  /** Takes over WatchEvents. */
  onWatchEvents: ((call: WatchEventsCall) => void) | undefined;
  /** Takes over WatchOperation. */
  onWatchOperation: ((call: ServerWritableStream<unknown, Operation>) => void) | undefined;
}

const AS_OF = datacenter.asOf as NonNullable<typeof datacenter.asOf>;

/** Starts one on a free port, or on `port`. */
export async function startFakeGateway(port = 0): Promise<FakeGateway> {
  const server = new Server();
  const requests: ReceivedRequest[] = [];
  const answer = unaryFactory(requests);
  const gateway: FakeGateway = {
    address: "",
    requests,
    onWatchEvents: undefined,
    onWatchOperation: undefined,
    async [Symbol.asyncDispose](): Promise<void> {
      server.forceShutdown();
    },
  };
  const actionControl = new FakeActionControl();
  server.addService(NodeServiceService, nodeHandlers(answer, actionControl));
  addReadServices(server, answer, actionControl);
  addGroupService(server, answer);
  server.addService(OperationServiceService, operationHandlers(answer, gateway, requests));
  server.addService(EventServiceService, {
    listEvents: answer("listEvents", listEvents),
    watchEvents: ((call: WatchEventsCall) => {
      requests.push({ method: "watchEvents", request: call.request });
      gateway.onWatchEvents?.(call);
    }) as UntypedHandleCall,
  });
  const bound = await listen(server, port);
  return Object.assign(gateway, { address: `127.0.0.1:${bound}` });
}

function addReadServices(
  server: Server,
  answer: UnaryFactory,
  actionControl: FakeActionControl,
): void {
  server.addService(RoleServiceService, {
    getRole: answer("getRole", ({ name }: { name: string }) => find(fixtures.roles, name, "role")),
    listRoles: answer("listRoles", () => ({
      roles: fixtures.roles,
      nextPageToken: "",
      asOf: [AS_OF],
    })),
    applyRoles: answer("applyRoles", applyRoles),
    deleteRole: answer("deleteRole", ({ name }: { name: string }) => {
      find(fixtures.roles, name, "role");
      return fixtures.operations[0];
    }),
  });
  server.addService(ActionServiceService, actionControl.actionHandlers(answer));
  server.addService(DatacenterServiceService, actionControl.datacenterHandlers(answer));
}

function addGroupService(server: Server, answer: UnaryFactory): void {
  const group = new FakeGroup();
  server.addService(GroupServiceService, {
    getReplica: answer("getReplica", ({ name }: { name: string }) => group.find(name)),
    listReplicas: answer("listReplicas", () => group.list()),
    createReplica: answer("createReplica", (request: never) => group.create(request)),
    deleteReplica: answer("deleteReplica", (request: never) => group.remove(request)),
    replaceReplica: answer("replaceReplica", (request: never) => group.replace(request)),
    transferLeadership: answer("transferLeadership", (request: never) => group.transfer(request)),
    snapshotReplica: answer("snapshotReplica", (request: never) => group.snapshot(request)),
    backupGroup: ((call: Parameters<FakeGroup["backup"]>[0]) =>
      group.backup(call)) as UntypedHandleCall,
  });
}

function operationHandlers(
  answer: UnaryFactory,
  gateway: FakeGateway,
  requests: ReceivedRequest[],
): Record<string, UntypedHandleCall> {
  return {
    getOperation: answer("getOperation", ({ name }: { name: string }) =>
      find(fixtures.operations, name, "operation"),
    ),
    listOperations: answer("listOperations", ({ parent }: { parent: string }) => ({
      operations: [...fixtures.operations, ...elsewhere.more(parent).operations],
      nextPageToken: "",
      asOf: [AS_OF, ...elsewhere.more(parent).asOf],
    })),
    watchOperation: ((call: ServerWritableStream<{ name: string }, Operation>) => {
      requests.push({ method: "watchOperation", request: call.request });
      if (gateway.onWatchOperation !== undefined) return gateway.onWatchOperation(call);
      watchOperation(call);
    }) as UntypedHandleCall,
    cancelOperation: answer("cancelOperation", ({ name }: { name: string }) => ({
      ...find(fixtures.operations, name, "operation"),
      status: OperationStatus.OPERATION_STATUS_CANCELLED,
      done: true,
      reason: "cancelled by user/ada",
      ended: fixtures.since(0, 62),
    })),
  };
}

function unaryFactory(requests: ReceivedRequest[]): UnaryFactory {
  return (method, handle) =>
    ((call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
      requests.push({ method, request: call.request, actor: call.metadata.get(ACTOR_KEY)[0] });
      try {
        const { name = "" } = call.request as { readonly name?: string };
        callback(null, handle(call.request as never), elsewhere.trailersOf(name));
      } catch (error) {
        callback(toStatus(error));
      }
    }) as UntypedHandleCall;
}

function nodeHandlers(
  answer: UnaryFactory,
  actionControl: FakeActionControl,
): Record<string, UntypedHandleCall> {
  const named = ({ name }: { name: string }): Node =>
    find([...fixtures.nodes, elsewhere.node], name, "node");
  const withOperation = (request: { name: string; role?: string }): unknown => {
    named(request);
    if (request.role !== undefined) find(fixtures.roles, request.role, "role");
    return fixtures.operations[1];
  };
  return {
    getNode: answer("getNode", named),
    listNodes: answer("listNodes", ({ filter, parent }: { filter: string; parent: string }) => ({
      nodes: [...fixtures.nodes, ...elsewhere.more(parent).nodes].filter(
        (node) => filter === "" || node.name.endsWith(filter),
      ),
      nextPageToken: "",
      asOf: [AS_OF, ...elsewhere.more(parent).asOf],
      pauses: actionControl.pauses,
    })),
    watchNodes: ((call: ServerWritableStream<unknown, unknown>) => {
      const [first] = fixtures.nodes;
      for (const node of fixtures.nodes)
        call.write({ change: { $case: "node", value: node }, resumeIndex: 61, asOf: [] });
      call.write({ change: { $case: "synced", value: AS_OF }, resumeIndex: 61, asOf: [AS_OF] });
      const ready = { ...first, state: NodeState.NODE_STATE_READY, stateReason: "all as wanted" };
      call.write({ change: { $case: "node", value: ready }, resumeIndex: 62, asOf: [] });
      const deleted = fixtures.nodes[2]?.name;
      call.write({ change: { $case: "deleted", value: deleted }, resumeIndex: 63, asOf: [] });
      call.emit("error", { code: status.OUT_OF_RANGE, details: "the test ends here" });
    }) as UntypedHandleCall,
    updateNode: answer("updateNode", () => fixtures.operations[0]),
    deleteNode: answer("deleteNode", ({ name }: { name: string }) => {
      named({ name });
      throw new ApiError(
        status.FAILED_PRECONDITION,
        "node n1 is not lost: only a lost node is forgotten",
        {
          reason: "NODE_NOT_LOST",
        },
      );
    }),
    assignRole: answer("assignRole", withOperation),
    unassignRole: answer("unassignRole", withOperation),
    startMaintenance: answer("startMaintenance", named),
    endMaintenance: answer("endMaintenance", () => fixtures.operations[0]),
    explainNode: answer("explainNode", (request: { name: string }) => {
      named(request);
      return fixtures.explanation;
    }),
  };
}

function applyRoles(request: ApplyRolesRequest): Operation {
  const bad = request.documents.filter((document) => document.text.includes("nonsense"));
  if (bad.length > 0) {
    throw new ApiError(status.INVALID_ARGUMENT, "the roles were refused; nothing was applied", {
      reason: "ROLES_REFUSED",
      violations: bad.flatMap(({ fileName }) => [
        { field: `${fileName}:3`, description: "services[0].after[0]: no service is called app" },
        { field: `${fileName}:7`, description: "files[0].template: {{ cpu.speed }} is no fact" },
      ]),
    });
  }
  return fixtures.operations[0] as Operation;
}

function listEvents({ fromIndex, parent }: { fromIndex: number; parent: string }): unknown {
  const events =
    fromIndex < 0
      ? fixtures.events.slice(fromIndex)
      : fixtures.events.filter((event) => event.index >= fromIndex);
  const asOf = { ...AS_OF, index: 41 };
  const more = elsewhere.more(parent);
  const all = [...events, ...more.events];
  return { events: all, nextPageToken: "", asOf, parts: [asOf, ...more.asOf] };
}

function watchOperation(call: ServerWritableStream<{ name: string }, Operation>): void {
  const operation = find(fixtures.operations, call.request.name, "operation");
  call.write(operation);
  if (!operation.done) {
    call.write({
      ...operation,
      status: OperationStatus.OPERATION_STATUS_SUCCEEDED,
      done: true,
      waiting: [],
      readyNodeCount: 1,
      ended: fixtures.since(0, 62),
    });
  }
  call.end();
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}
