/**
 * `atoll lab`: the lab that `npm start` runs on this machine, and the links between its
 * datacenters.
 *
 * Asks the lab's own process and no gateway: what a link does to a gateway is for gateways to find
 * out.
 */
import type { Command } from "commander";
import { Lab, LabServiceService } from "@atoll/proto/atoll/lab/v1/lab";
import type { CommandContext } from "../command-context.ts";
import { usageError } from "../failure.ts";
import type { UnaryMethod } from "../gateway.ts";
import { askLab } from "../lab/ask-lab.ts";
import { parseSlowness, SLOWNESS_HELP } from "../lab/slowness.ts";
import { labLines } from "../render/lab.ts";
import type { RunCommand } from "./command-runner.ts";

interface LabOptions {
  readonly state?: string;
}

interface CutOptions extends LabOptions {
  readonly reset?: boolean;
}

export function addLabCommands(program: Command, run: RunCommand): void {
  const lab = program
    .command("lab")
    .description("the lab on this machine: cut and heal the links between its datacenters");
  add(lab, "status", "its datacenters and the state of each link").action(run(showStatus));
  add(lab, "cut", "a link goes down: nothing passes, and nobody is told")
    .argument("<one>", "a datacenter")
    .argument("<other>", "another")
    .option("--reset", "break their connections too, so that both notice at once")
    .action(run(cut));
  add(lab, "one-way", "a link that carries from the first to the second only")
    .argument("<from>", "the datacenter that is still heard")
    .argument("<to>", "the one whose words are lost")
    .action(run(oneWay));
  add(lab, "slow", "a link that is late, loses or is narrow, in both directions")
    .argument("<one>", "a datacenter")
    .argument("<other>", "another")
    .argument("<how...>", SLOWNESS_HELP)
    .action(run(slow));
  add(lab, "heal", "a link is whole again: neither cut nor slow")
    .argument("[one]", "a datacenter (default: every link is healed)")
    .argument("[other]", "another")
    .action(run(heal));
}

function add(lab: Command, name: string, description: string): Command {
  return lab
    .command(name)
    .description(description)
    .option("--state <folder>", "the lab's state folder (ATOLL_LAB_STATE; default .atoll)");
}

async function showStatus(context: CommandContext, options: LabOptions): Promise<void> {
  await ask(context, options, LabServiceService.getLab, {});
}

async function cut(
  context: CommandContext,
  datacenter: string,
  other: string,
  options: CutOptions,
): Promise<void> {
  const request = { datacenter, other, reset: options.reset === true };
  await ask(context, options, LabServiceService.cutLink, request);
}

async function oneWay(
  context: CommandContext,
  from: string,
  to: string,
  options: LabOptions,
): Promise<void> {
  await ask(context, options, LabServiceService.cutOneWay, { from, to });
}

async function slow(
  context: CommandContext,
  datacenter: string,
  other: string,
  how: readonly string[],
  options: LabOptions,
): Promise<void> {
  const request = { datacenter, other, ...parseSlowness(how) };
  await ask(context, options, LabServiceService.slowLink, request);
}

async function heal(
  context: CommandContext,
  datacenter: string | undefined,
  other: string | undefined,
  options: LabOptions,
): Promise<void> {
  if (datacenter !== undefined && other === undefined) {
    throw usageError("a link has two ends", `atoll lab heal ${datacenter} OTHER, or none for all`);
  }
  const request = { datacenter: datacenter ?? "", other: other ?? "" };
  await ask(context, options, LabServiceService.healLinks, request);
}

/** Every answer is the lab as it is then. */
async function ask<Request>(
  context: CommandContext,
  options: LabOptions,
  method: UnaryMethod<Request, Lab>,
  request: Request,
): Promise<void> {
  const lab = await askLab(context, options.state ?? context.settings.labState, method, request);
  await context.print(Lab.toJSON(lab), () => labLines(lab, context.tableOptions));
}
