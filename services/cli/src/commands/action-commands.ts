/**
 * `atoll action list` and `action show`: what was done to nodes, and why.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { AsOf } from "@atoll/proto/atoll/v1/common";
import { Action, ActionServiceService, ActionStatus } from "@atoll/proto/atoll/v1/action";
import type { CommandContext } from "../command-context.ts";
import { usageError } from "../failure.ts";
import { parseCount } from "../config.ts";
import { withNearestNames } from "../known-names.ts";
import { collectPages, LIST_LENGTH_MAX } from "../pages.ts";
import { ACTION_HEADING, actionLines, actionRow, cancellationLine } from "../render/action.ts";
import type { Cell } from "../render/table.ts";
import { resourceName, shortName } from "../resource-names.ts";
import type { RunCommand } from "./command-runner.ts";

/** An agent that is there answers within some milliseconds. */
const LOOK_EVERY_MS = 100;
const LOOKS_MAX = 10;

interface ListOptions {
  readonly node?: string;
  readonly filter?: string;
  readonly limit?: string;
}

export function addActionCommands(program: Command, run: RunCommand): void {
  const actions = program.command("action").description("what is done to nodes, and why");
  actions
    .command("list")
    .description("actions that are planned, and the finished ones that are kept")
    .option("--node <node>", "only those of this node")
    .option("--filter <expression>", "for example: status = FAILED")
    .option("--limit <count>", "at most so many (default all)")
    .action(run(listActions));
  actions
    .command("show")
    .description("an action with its cause and its order")
    .argument("<action>", "its id, for example n1-17")
    .action(run(showAction));
  actions
    .command("cancel")
    .description("take back an action that is planned; what its agent has begun goes on")
    .argument("<action>", "its id, for example n1-17")
    .option("--reason <text>", "why, for others to read; at most 500 characters")
    .action(run(cancelAction));
}

async function listActions(context: CommandContext, options: ListOptions): Promise<void> {
  const { gateway } = context;
  const parent = await gateway.parent();
  const filter = actionFilter(options);
  const limit =
    options.limit === undefined
      ? LIST_LENGTH_MAX
      : parseCount("--limit", options.limit, 1, LIST_LENGTH_MAX);
  const list = await collectPages(async (pageToken, pageSize) => {
    const request = { parent, pageSize, pageToken, filter };
    const page = await gateway.call(ActionServiceService.listActions, request);
    return { items: page.actions, nextPageToken: page.nextPageToken, asOf: page.asOf };
  }, limit);
  const document = { actions: list.items.map(Action.toJSON), asOf: list.asOf.map(AsOf.toJSON) };
  await context.print(document, () => {
    if (list.items.length === 0) {
      context.note(filter === "" ? "no actions yet" : "no action passes the filter");
      return [];
    }
    const row = (action: Action): Cell[] => actionRow(action, context.nowMs);
    return [...context.tableOf(ACTION_HEADING, list.items, row), ...context.ages(list.asOf)];
  });
}

function actionFilter(options: ListOptions): string {
  if (options.node === undefined) return options.filter ?? "";
  const ofNode = `node = ${JSON.stringify(shortName(options.node))}`;
  return options.filter === undefined ? ofNode : `${ofNode} AND (${options.filter})`;
}

async function showAction(context: CommandContext, id: string): Promise<void> {
  const { gateway } = context;
  const action = await withNearestNames(gateway, { action: id }, async () =>
    gateway.call(ActionServiceService.getAction, {
      name: resourceName(await gateway.datacenter(), "actions", id),
    }),
  );
  await context.print(Action.toJSON(action), () =>
    actionLines(action, context.nowMs, context.paint),
  );
  context.noteAge();
}

/**
 * Waits a moment for the agent's word, so that people need not ask again: did it begin, or never
 * will it?
 */
async function cancelAction(
  context: CommandContext,
  id: string,
  options: { readonly reason?: string },
): Promise<void> {
  const { gateway } = context;
  const { reason } = options;
  if (reason === undefined) {
    throw usageError("a cancellation needs a reason", "say it with --reason, others will wonder");
  }
  const action = await withNearestNames(gateway, { action: id }, async () => {
    const name = resourceName(await gateway.datacenter(), "actions", id);
    const requestId = context.newRequestId();
    const asked = { name, reason, requestId };
    let answer = await gateway.call(ActionServiceService.cancelAction, asked);
    for (let look = 0; look < LOOKS_MAX && isPlanned(answer); look += 1) {
      await delay(LOOK_EVERY_MS, undefined, { signal: context.terminal.signal });
      answer = await gateway.call(ActionServiceService.getAction, { name });
    }
    return answer;
  });
  await context.print(Action.toJSON(action), () => [cancellationLine(action)]);
}

function isPlanned({ status }: Action): boolean {
  return status === ActionStatus.ACTION_STATUS_PLANNED;
}
