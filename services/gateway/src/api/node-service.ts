/**
 * `atoll.v1.NodeService`, its calls in a row; what is longer than a few lines has a file of its
 * own.
 */
import type { NodeServiceServer } from "@atoll/proto/atoll/v1/node";
import { serverStreaming, unary } from "@atoll/service-kit";
import { checkReason } from "./check-reason.ts";
import { explainNode } from "./explain-node.ts";
import { findNode } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { listNodes } from "./list-nodes.ts";
import type { NodeChanges } from "./node-changes.ts";
import { startOperation } from "./start-operation.ts";
import { updateNodeCommand } from "./update-node.ts";
import { watchNodes } from "./watch-nodes.ts";
import type { Watches } from "./watches.ts";

export function nodeService(
  parts: HandlerParts,
  extra: { readonly changes: NodeChanges; readonly watches: Watches },
): NodeServiceServer {
  const { environment, names, reads, mirror, nodes, writes } = parts;
  const watchParts = { ...parts, ...extra };
  function options(method: string): { method: string; environment: typeof environment } {
    return { method: `NodeService/${method}`, environment };
  }
  return {
    getNode: unary(async ({ name }, context) => {
      const node = names.parseNode(name);
      await reads.begin(context.deadlineMs);
      return nodes.render(findNode(mirror, node));
    }, options("GetNode")),
    listNodes: unary(
      (request, context) => listNodes(parts, request, context),
      options("ListNodes"),
    ),
    watchNodes: serverStreaming(
      (request, context, stream) => watchNodes(watchParts, request, context, stream),
      options("WatchNodes"),
    ),
    updateNode: unary(
      (request, context) =>
        startOperation(parts, context, {
          command: updateNodeCommand(names, request),
          requestId: request.requestId,
          kind: "updateNode",
        }),
      options("UpdateNode"),
    ),
    deleteNode: unary(async ({ name, requestId }, context) => {
      const node = names.parseNode(name);
      await writes.submit(context, {
        command: { $case: "forgetNode", value: { node } },
        requestId,
      });
      return {};
    }, options("DeleteNode")),
    assignRole: unary(({ name, role: roleName, requestId }, context) => {
      const node = names.parseNode(name);
      const role = names.parseRole(roleName, "role");
      const command = { $case: "assignRole", value: { node, role } } as const;
      return startOperation(parts, context, { command, requestId, kind: "assignRole" });
    }, options("AssignRole")),
    unassignRole: unary(({ name, role: roleName, requestId }, context) => {
      const node = names.parseNode(name);
      const role = names.parseRole(roleName, "role");
      const command = { $case: "unassignRole", value: { node, role } } as const;
      return startOperation(parts, context, { command, requestId, kind: "unassignRole" });
    }, options("UnassignRole")),
    startMaintenance: unary(async ({ name, reason, requestId }, context) => {
      const node = names.parseNode(name);
      checkReason(reason);
      const command = { $case: "startMaintenance", value: { node, reason } } as const;
      await writes.submit(context, { command, requestId });
      return nodes.render(findNode(mirror, node));
    }, options("StartMaintenance")),
    endMaintenance: unary(({ name, requestId }, context) => {
      const node = names.parseNode(name);
      const command = { $case: "endMaintenance", value: { node } } as const;
      return startOperation(parts, context, { command, requestId, kind: "endMaintenance" });
    }, options("EndMaintenance")),
    explainNode: unary(
      (request, context) => explainNode(parts, request, context),
      options("ExplainNode"),
    ),
  };
}
