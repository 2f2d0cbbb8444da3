/**
 * `atoll node label`, `locate`, `assign`, `unassign`, `maintain` and `forget`: what users set on
 * nodes.
 *
 * Labels and locations are read, changed and written back under the node's etag; when somebody
 * else was quicker, that is done again with the newer values.
 */
import { status as GrpcStatus } from "@grpc/grpc-js";
import type { Command } from "commander";
import { Node, NodeServiceService } from "@atoll/proto/atoll/v1/node";
import type { Location } from "@atoll/proto/atoll/type/v1/role_spec";
import type { Operation } from "@atoll/proto/atoll/v1/operation";
import type { CommandContext } from "../command-context.ts";
import { hasStatus, usageError } from "../failure.ts";
import { withNearestNames } from "../known-names.ts";
import { escapeLine } from "../render/escape.ts";
import { resourceName, roleResourceName, shortName } from "../resource-names.ts";
import { finishOperation, type WaitOptions } from "../wait.ts";
import { addWaitOptions, type RunCommand } from "./command-runner.ts";

/** Attempts of a read-change-write that others keep overtaking. */
const UPDATE_ATTEMPTS_MAX = 5;

interface LocateOptions extends WaitOptions {
  readonly room?: string;
  readonly rack?: string;
  readonly position?: string;
}

interface MaintainOptions extends WaitOptions {
  readonly reason?: string;
  readonly end?: boolean;
}

export function addNodeWriteCommands(nodes: Command, run: RunCommand): void {
  addWaitOptions(nodes.command("label"))
    .description("set labels (key=value) and remove them (key-)")
    .argument("<node>", "its name")
    .argument("<change...>", "key=value or key-")
    .action(run(labelNode));
  addWaitOptions(nodes.command("locate"))
    .description("say where a node stands; an empty text unsets a part")
    .argument("<node>", "its name")
    .option("--room <room>", "for example hall-2")
    .option("--rack <rack>", "for example r1")
    .option("--position <position>", "for example u17")
    .action(run(locateNode));
  addWaitOptions(nodes.command("assign"))
    .description("give a node a role")
    .argument("<node>", "its name")
    .argument("<role>", "the role's name")
    .action(run(assignRole));
  addWaitOptions(nodes.command("unassign"))
    .description("take an assigned role from a node")
    .argument("<node>", "its name")
    .argument("<role>", "the role's name")
    .action(run(unassignRole));
  addWaitOptions(nodes.command("maintain"))
    .description("stop acting upon a node, or begin again with --end")
    .argument("<node>", "its name")
    .option("--reason <text>", "why, for others to read; at most 500 characters")
    .option("--end", "end the maintenance")
    .action(run(maintainNode));
  nodes
    .command("forget")
    .description("forget a node that is lost")
    .argument("<node>", "its name")
    .action(run(forgetNode));
}

async function labelNode(
  context: CommandContext,
  name: string,
  changes: readonly string[],
  options: WaitOptions,
): Promise<void> {
  const parsed = changes.map(parseLabelChange);
  const operation = await updateNode(context, name, "labels", (node) => {
    const labels = { ...node.labels };
    for (const { key, value } of parsed) {
      if (value !== undefined) labels[key] = value;
      else if (!delete labels[key] || node.labels[key] === undefined) {
        context.note(`${shortName(node.name)} has no label ${key}`);
      }
    }
    return { labels };
  });
  await finishOperation(context, operation, options);
}

async function locateNode(
  context: CommandContext,
  name: string,
  options: LocateOptions,
): Promise<void> {
  const { room, rack, position } = options;
  if (room === undefined && rack === undefined && position === undefined) {
    throw usageError("nothing to change", "give one of --room, --rack, --position");
  }
  const operation = await updateNode(context, name, "location", (node) => ({
    location: {
      ...part("room", room, node.location),
      ...part("rack", rack, node.location),
      ...part("position", position, node.location),
    },
  }));
  await finishOperation(context, operation, options);
}

async function assignRole(
  context: CommandContext,
  node: string,
  role: string,
  options: WaitOptions,
): Promise<void> {
  await changeRoles(context, NodeServiceService.assignRole, node, role, options);
}

async function unassignRole(
  context: CommandContext,
  node: string,
  role: string,
  options: WaitOptions,
): Promise<void> {
  await changeRoles(context, NodeServiceService.unassignRole, node, role, options);
}

async function changeRoles(
  context: CommandContext,
  method: typeof NodeServiceService.assignRole | typeof NodeServiceService.unassignRole,
  node: string,
  role: string,
  options: WaitOptions,
): Promise<void> {
  const { gateway } = context;
  const operation = await withNearestNames(gateway, { node, role }, async () =>
    gateway.call(method, {
      name: resourceName(await gateway.datacenter(), "nodes", node),
      role: roleResourceName(role),
      requestId: context.newRequestId(),
    }),
  );
  await finishOperation(context, operation, options);
}

async function maintainNode(
  context: CommandContext,
  name: string,
  options: MaintainOptions,
): Promise<void> {
  const { gateway } = context;
  if ((options.end === true) === (options.reason !== undefined)) {
    throw usageError(
      "say either why maintenance begins or that it ends",
      `atoll node maintain ${name} --reason "replacing a disk"`,
      `atoll node maintain ${name} --end`,
    );
  }
  await withNearestNames(gateway, { node: name }, async () => {
    const target = resourceName(await gateway.datacenter(), "nodes", name);
    const requestId = context.newRequestId();
    if (options.reason === undefined) {
      const request = { name: target, requestId };
      const operation = await gateway.call(NodeServiceService.endMaintenance, request);
      return finishOperation(context, operation, options);
    }
    const request = { name: target, reason: options.reason, requestId };
    const node = await gateway.call(NodeServiceService.startMaintenance, request);
    return context.print(Node.toJSON(node), () => [
      `${escapeLine(shortName(node.name))} is in maintenance: observed, not acted upon`,
    ]);
  });
}

async function forgetNode(context: CommandContext, name: string): Promise<void> {
  const { gateway } = context;
  await withNearestNames(gateway, { node: name }, async () => {
    const target = resourceName(await gateway.datacenter(), "nodes", name);
    const request = { name: target, requestId: context.newRequestId() };
    await gateway.call(NodeServiceService.deleteNode, request);
    await context.print({ deleted: target }, () => [
      `${escapeLine(shortName(target))} is forgotten`,
    ]);
  });
}

/** Reads the node, changes one field of it and writes that back, anew when overtaken. */
async function updateNode(
  context: CommandContext,
  name: string,
  field: "labels" | "location",
  change: (node: Node) => Partial<Node>,
): Promise<Operation> {
  const { gateway } = context;
  return withNearestNames(gateway, { node: name }, async () => {
    const target = resourceName(await gateway.datacenter(), "nodes", name);
    for (let attempt = 1; ; attempt += 1) {
      const found = await gateway.call(NodeServiceService.getNode, { name: target });
      const node = Node.fromPartial({ name: target, etag: found.etag, ...change(found) });
      const request = { node, updateMask: [field], requestId: context.newRequestId() };
      try {
        return await gateway.call(NodeServiceService.updateNode, request);
      } catch (error) {
        if (!hasStatus(error, GrpcStatus.ABORTED) || attempt >= UPDATE_ATTEMPTS_MAX) throw error;
      }
    }
  });
}

function parseLabelChange(text: string): {
  readonly key: string;
  readonly value: string | undefined;
} {
  const equals = text.indexOf("=");
  if (equals > 0) return { key: text.slice(0, equals), value: text.slice(equals + 1) };
  if (equals === -1 && text.length > 1 && text.endsWith("-")) {
    return { key: text.slice(0, -1), value: undefined };
  }
  throw usageError(
    `${JSON.stringify(text)} changes no label`,
    "key=value sets a label, key- removes it",
  );
}

/** One part of a location: as given, unset by an empty text, or as it was. */
function part<Key extends "room" | "rack" | "position">(
  key: Key,
  given: string | undefined,
  before: Location | undefined,
): Partial<Record<Key, string>> {
  const value = given ?? before?.[key];
  return value === undefined || value === "" ? {} : ({ [key]: value } as Record<Key, string>);
}
