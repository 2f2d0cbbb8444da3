/**
 * `atoll dc list` and `dc show`: the islands, their replicas and who leads.
 */
import type { Command } from "commander";
import { Datacenter, DatacenterServiceService } from "@atoll/proto/atoll/v1/datacenter";
import type { CommandContext } from "../command-context.ts";
import { collectPages } from "../pages.ts";
import { DATACENTER_HEADING, datacenterLines, datacenterRow } from "../render/datacenter.ts";
import { table } from "../render/table.ts";
import type { RunCommand } from "./command-runner.ts";

export function addDatacenterCommands(program: Command, run: RunCommand): void {
  const datacenters = program
    .command("dc")
    .alias("datacenter")
    .description("datacenters and the replicas of their orchestrators");
  datacenters.command("list").description("all datacenters").action(run(listDatacenters));
  datacenters
    .command("show")
    .description("a datacenter with its replicas")
    .argument("[datacenter]", "its name (default: the one the gateway stands in)")
    .action(run(showDatacenter));
}

async function listDatacenters(context: CommandContext): Promise<void> {
  const list = await collectPages(async (pageToken, pageSize) => {
    const request = { pageSize, pageToken };
    const page = await context.gateway.call(DatacenterServiceService.listDatacenters, request);
    return { items: page.datacenters, nextPageToken: page.nextPageToken, asOf: [] };
  });
  await context.print({ datacenters: list.items.map(Datacenter.toJSON) }, () =>
    table(DATACENTER_HEADING, list.items.map(datacenterRow), context.tableOptions),
  );
}

async function showDatacenter(context: CommandContext, given: string | undefined): Promise<void> {
  const name =
    given === undefined
      ? await context.gateway.datacenter()
      : given.startsWith("datacenters/")
        ? given
        : `datacenters/${given}`;
  const datacenter = await context.gateway.call(DatacenterServiceService.getDatacenter, { name });
  await context.print(Datacenter.toJSON(datacenter), () =>
    datacenterLines(datacenter, context.nowMs, context.paint),
  );
}
