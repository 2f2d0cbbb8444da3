/**
 * `atoll.v1.NodeService`, its calls in a row; what is longer than a few lines has a file of its
 * own.
 */
import type { NodeServiceServer } from "@atoll/proto/atoll/v1/node";
import { serverStreaming, unary } from "@atoll/service-kit";
import { beginRead } from "./begin-read.ts";
import { checkReason } from "./check-reason.ts";
import { explainNode } from "./explain-node.ts";
import { findNode } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { listNodes } from "./list-nodes.ts";
import { parseNode, parseRole } from "./parse-names.ts";
import { startOperation } from "./start-operation.ts";
import { updateNodeCommand } from "./update-node.ts";
import { watchNodes } from "./watch-nodes.ts";

export function nodeService(parts: HandlerParts): NodeServiceServer {
  const { environment, islands } = parts;
  function options(method: string): { method: string; environment: typeof environment } {
    return { method: `NodeService/${method}`, environment };
  }
  return {
    getNode: unary(async ({ name }, context) => {
      const { island, name: node } = islands.locate(parseNode(name));
      await beginRead(island, context);
      return island.nodes.render(findNode(island.mirror, node));
    }, options("GetNode")),
    listNodes: unary(
      (request, context) => listNodes(parts, request, context),
      options("ListNodes"),
    ),
    watchNodes: serverStreaming(
      (request, context, stream) => watchNodes(parts, request, context, stream),
      options("WatchNodes"),
    ),
    updateNode: unary((request, context) => {
      const { datacenter, command } = updateNodeCommand(request);
      const { requestId } = request;
      const island = islands.find(datacenter);
      return startOperation(island, context, { command, requestId, kind: "updateNode" });
    }, options("UpdateNode")),
    deleteNode: unary(async ({ name, requestId }, context) => {
      const { island, name: node } = islands.locate(parseNode(name));
      await island.writes.submit(context, {
        command: { $case: "forgetNode", value: { node } },
        requestId,
      });
      return {};
    }, options("DeleteNode")),
    assignRole: unary(({ name, role: roleName, requestId }, context) => {
      const { island, name: node } = islands.locate(parseNode(name));
      const role = parseRole(roleName, "role");
      const command = { $case: "assignRole", value: { node, role } } as const;
      return startOperation(island, context, { command, requestId, kind: "assignRole" });
    }, options("AssignRole")),
    unassignRole: unary(({ name, role: roleName, requestId }, context) => {
      const { island, name: node } = islands.locate(parseNode(name));
      const role = parseRole(roleName, "role");
      const command = { $case: "unassignRole", value: { node, role } } as const;
      return startOperation(island, context, { command, requestId, kind: "unassignRole" });
    }, options("UnassignRole")),
    startMaintenance: unary(async ({ name, reason, requestId }, context) => {
      const { island, name: node } = islands.locate(parseNode(name));
      checkReason(reason);
      const command = { $case: "startMaintenance", value: { node, reason } } as const;
      await island.writes.submit(context, { command, requestId });
      return island.nodes.render(findNode(island.mirror, node));
    }, options("StartMaintenance")),
    endMaintenance: unary(({ name, requestId }, context) => {
      const { island, name: node } = islands.locate(parseNode(name));
      const command = { $case: "endMaintenance", value: { node } } as const;
      return startOperation(island, context, { command, requestId, kind: "endMaintenance" });
    }, options("EndMaintenance")),
    explainNode: unary(
      (request, context) => explainNode(parts, request, context),
      options("ExplainNode"),
    ),
  };
}
