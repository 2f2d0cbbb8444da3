/**
 * `atoll node list`, `node show` and `why`: nodes as they are.
 */
import type { Command } from "commander";
import { ActionsPause, AsOf } from "@atoll/proto/atoll/v1/common";
import {
  ExplainNodeResponse,
  Node,
  NodeServiceService,
  type WatchNodesResponse,
} from "@atoll/proto/atoll/v1/node";
import type { CommandContext } from "../command-context.ts";
import { usageError } from "../failure.ts";
import { withNearestNames } from "../known-names.ts";
import { collectPages } from "../pages.ts";
import { NODE_HEADING, NODE_WIDTHS_MIN, nodeLines, nodeRow } from "../render/node.ts";
import { pauseNotes } from "../render/pause.ts";
import { alignRow, alignRows, columnWidths } from "../render/table.ts";
import { explanationLines } from "../render/why.ts";
import { resourceName, shortName } from "../resource-names.ts";
import { BEGINNING, watchWithResume } from "../watch.ts";
import { FILTER_HELP, type RunCommand } from "./command-runner.ts";

interface ListOptions {
  readonly filter?: string;
  readonly watch?: boolean;
}

export function addNodeReadCommands(nodes: Command, program: Command, run: RunCommand): void {
  nodes
    .command("list")
    .description("all nodes, or those that a filter lets through")
    .option("--filter <expression>", FILTER_HELP)
    .option("--watch", "go on with every node that changes")
    .action(run(listNodes));
  nodes
    .command("show")
    .description("everything that is known about a node")
    .argument("<node>", "its name")
    .action(run(showNode));
  program
    .command("why")
    .description("what is wanted of a node, what is there, what is done about it, and why not more")
    .argument("<node/NAME>", "for example node/n1")
    .action(run(explainNode));
}

async function listNodes(context: CommandContext, options: ListOptions): Promise<void> {
  const filter = options.filter ?? "";
  if (options.watch === true) return watchNodes(context, filter);
  const parent = await context.gateway.parent();
  let pauses: readonly ActionsPause[] = [];
  const list = await collectPages(async (pageToken, pageSize) => {
    const request = { parent, pageSize, pageToken, filter };
    const page = await context.gateway.call(NodeServiceService.listNodes, request);
    pauses = page.pauses;
    return { items: page.nodes, nextPageToken: page.nextPageToken, asOf: page.asOf };
  });
  const document = {
    nodes: list.items.map(Node.toJSON),
    asOf: list.asOf.map(AsOf.toJSON),
    ...(pauses.length > 0 ? { pauses: pauses.map(ActionsPause.toJSON) } : {}),
  };
  await context.print(document, () => {
    if (list.items.length === 0) {
      context.note(
        filter === "" ? "no nodes yet; agents announce them" : "no node passes the filter",
      );
      return [];
    }
    return [
      ...context.tableOf(NODE_HEADING, list.items, (node) => nodeRow(node, context.nowMs)),
      ...pauseNotes(pauses, context.nowMs),
      ...context.ages(list.asOf),
    ];
  });
}

async function watchNodes(context: CommandContext, filter: string): Promise<void> {
  const { gateway, terminal } = context;
  const parent = await gateway.parent();
  const beginning: Node[] = [];
  let widths: readonly number[] | undefined;
  const watch = watchWithResume<WatchNodesResponse>({
    open: ({ index: resumeIndex, resume }) =>
      gateway.stream(NodeServiceService.watchNodes, { parent, filter, resumeIndex, resume }),
    // Until all of the beginning is here, a break starts it over.
    positionOf: ({ resumeIndex: index, resume }) =>
      widths === undefined || index === 0 ? undefined : { index, resume },
    position: BEGINNING,
    signal: terminal.signal,
    note: (text) => context.note(text),
  });
  for await (const { change } of watch) {
    if (change?.$case === "synced") {
      widths ??= await printBeginning(context, beginning);
    } else if (change?.$case === "node" && widths === undefined) {
      const again = beginning.findIndex((node) => node.name === change.value.name);
      beginning.splice(again === -1 ? beginning.length : again, 1, change.value);
    } else if (change !== undefined && widths !== undefined) {
      await printChange(context, change, widths);
    }
  }
}

async function printBeginning(
  context: CommandContext,
  nodes: readonly Node[],
): Promise<readonly number[]> {
  const rows = [
    context.placedHeading(NODE_HEADING),
    ...nodes.map((node) => context.placed(node.name, nodeRow(node, context.nowMs))),
  ];
  const widthsMin = context.gateway.isOverAll ? [0, ...NODE_WIDTHS_MIN] : NODE_WIDTHS_MIN;
  const widths = columnWidths(rows, widthsMin);
  if (context.settings.output === "table") {
    const options = { ...context.tableOptions, widthsMin: widths };
    await context.printLines(alignRows(rows, options));
  } else {
    for (const node of nodes) await context.printItem({ node: Node.toJSON(node) }, () => []);
  }
  return widths;
}

async function printChange(
  context: CommandContext,
  change: Exclude<NonNullable<WatchNodesResponse["change"]>, { $case: "synced" }>,
  widths: readonly number[],
): Promise<void> {
  if (change.$case === "node") {
    const line = (): string[] => [
      alignRow(
        context.placed(change.value.name, nodeRow(change.value, context.nowMs)),
        widths,
        context.tableOptions,
      ),
    ];
    return context.printItem({ node: Node.toJSON(change.value) }, line);
  }
  const row = context.placed(change.value, [
    shortName(change.value),
    { text: "forgotten", style: "faint" },
  ]);
  return context.printItem({ deleted: change.value }, () => [
    alignRow(row, widths, context.tableOptions),
  ]);
}

async function showNode(context: CommandContext, name: string): Promise<void> {
  const node = await withNearestNames(context.gateway, { node: name }, async () =>
    context.gateway.call(NodeServiceService.getNode, {
      name: resourceName(await context.gateway.datacenter(), "nodes", name),
    }),
  );
  await context.print(Node.toJSON(node), () => nodeLines(node, context.nowMs, context.paint));
  context.noteAge();
}

async function explainNode(context: CommandContext, subject: string): Promise<void> {
  const name = nodeOfSubject(subject);
  const answer = await withNearestNames(context.gateway, { node: name }, async () =>
    context.gateway.call(NodeServiceService.explainNode, {
      name: resourceName(await context.gateway.datacenter(), "nodes", name),
    }),
  );
  await context.print(ExplainNodeResponse.toJSON(answer), () =>
    explanationLines(answer, context.nowMs, context.paint),
  );
}

function nodeOfSubject(subject: string): string {
  const match = /^(?:([a-z]+)\/)?([^/]+)$/.exec(subject);
  if (subject.startsWith("datacenters/")) return subject;
  if (match === null)
    throw usageError(`${JSON.stringify(subject)} names no node`, "for example: node/n1");
  const kind = match[1] ?? "node";
  if (kind === "node" || kind === "nodes") return match[2] as string;
  const instead =
    kind === "action" || kind === "operation"
      ? `\`atoll ${kind} show ${match[2]}\` shows its cause`
      : "for example: `atoll why node/n1`";
  throw usageError(`only nodes are explained, not ${JSON.stringify(kind)}`, instead);
}
