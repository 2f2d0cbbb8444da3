/**
 * `atoll operation list`, `show`, `watch` and `cancel`: the handles of what takes time.
 */
import type { Command } from "commander";
import { AsOf } from "@atoll/proto/atoll/v1/common";
import { Operation, OperationServiceService } from "@atoll/proto/atoll/v1/operation";
import type { CommandContext } from "../command-context.ts";
import { withNearestNames } from "../known-names.ts";
import { collectPages } from "../pages.ts";
import {
  OPERATION_HEADING,
  operationLines,
  operationRow,
  outcomeLine,
  progressLine,
} from "../render/operation.ts";
import type { Cell } from "../render/table.ts";
import { resourceName } from "../resource-names.ts";
import { failWhenCancelled } from "../wait.ts";
import { BEGINNING, watchWithResume } from "../watch.ts";
import type { RunCommand } from "./command-runner.ts";

export function addOperationCommands(program: Command, run: RunCommand): void {
  const operations = program.command("operation").description("requests that take time");
  operations
    .command("list")
    .description("operations that run, and the finished ones that are kept")
    .option("--filter <expression>", "for example: status = RUNNING")
    .action(run(listOperations));
  operations
    .command("show")
    .description("an operation, and what it waits for")
    .argument("<operation>", "its id, for example op-3")
    .action(run(showOperation));
  operations
    .command("watch")
    .description("follow an operation to its end")
    .argument("<operation>", "its id, for example op-3")
    .action(run(watchOperation));
  operations
    .command("cancel")
    .description("stop waiting; what was already done stays done")
    .argument("<operation>", "its id, for example op-3")
    .action(run(cancelOperation));
}

async function listOperations(
  context: CommandContext,
  options: { readonly filter?: string },
): Promise<void> {
  const { gateway } = context;
  const parent = await gateway.parent();
  const filter = options.filter ?? "";
  const list = await collectPages(async (pageToken, pageSize) => {
    const request = { parent, pageSize, pageToken, filter };
    const page = await gateway.call(OperationServiceService.listOperations, request);
    return { items: page.operations, nextPageToken: page.nextPageToken, asOf: page.asOf };
  });
  const operations = list.items.map(Operation.toJSON);
  await context.print({ operations, asOf: list.asOf.map(AsOf.toJSON) }, () => {
    if (list.items.length === 0) {
      context.note(filter === "" ? "no operations yet" : "no operation passes the filter");
      return [];
    }
    const row = (operation: Operation): Cell[] => operationRow(operation, context.nowMs);
    return [...context.tableOf(OPERATION_HEADING, list.items, row), ...context.ages(list.asOf)];
  });
}

async function showOperation(context: CommandContext, id: string): Promise<void> {
  const { gateway } = context;
  const operation = await withNearestNames(gateway, { operation: id }, async () =>
    gateway.call(OperationServiceService.getOperation, { name: await operationName(context, id) }),
  );
  await context.print(Operation.toJSON(operation), () =>
    operationLines(operation, context.nowMs, context.paint),
  );
  context.noteAge();
}

async function watchOperation(context: CommandContext, id: string): Promise<void> {
  const { gateway, terminal } = context;
  const name = await operationName(context, id);
  let latest: Operation | undefined;
  let shown = "";
  await withNearestNames(gateway, { operation: id }, async () => {
    const watch = watchWithResume<Operation>(
      {
        open: () => gateway.stream(OperationServiceService.watchOperation, { name }),
        positionOf: () => undefined,
        position: BEGINNING,
        signal: terminal.signal,
        note: (text) => context.note(text),
      },
      (operation) => operation.done,
    );
    for await (latest of watch) {
      const operation = latest;
      const line = operation.done
        ? outcomeLine(operation, context.nowMs, context.paint)
        : progressLine(operation);
      // After a break the gateway sends again what is known already.
      if (line === shown) continue;
      shown = line;
      await context.printItem(Operation.toJSON(operation), () => [line]);
    }
  });
  if (latest !== undefined) failWhenCancelled(latest);
}

async function cancelOperation(context: CommandContext, id: string): Promise<void> {
  const { gateway } = context;
  const operation = await withNearestNames(gateway, { operation: id }, async () =>
    gateway.call(OperationServiceService.cancelOperation, {
      name: await operationName(context, id),
      requestId: context.newRequestId(),
    }),
  );
  await context.print(Operation.toJSON(operation), () => [
    outcomeLine(operation, context.nowMs, context.paint),
  ]);
}

async function operationName(context: CommandContext, id: string): Promise<string> {
  return resourceName(await context.gateway.datacenter(), "operations", id);
}
