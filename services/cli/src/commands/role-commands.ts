/**
 * `atoll role list`, `role show`, `role delete`: what nodes are to be.
 */
import type { Command } from "commander";
import { AsOf } from "@atoll/proto/atoll/v1/common";
import { Role, RoleServiceService } from "@atoll/proto/atoll/v1/role";
import type { CommandContext } from "../command-context.ts";
import { withNearestNames } from "../known-names.ts";
import { collectPages } from "../pages.ts";
import { ROLE_HEADING, roleLines, roleRow } from "../render/role.ts";
import { table } from "../render/table.ts";
import { roleResourceName } from "../resource-names.ts";
import { finishOperation, type WaitOptions } from "../wait.ts";
import { addWaitOptions, type RunCommand } from "./command-runner.ts";

export function addRoleCommands(program: Command, run: RunCommand): void {
  const roles = program.command("role").description("what nodes are to be");
  roles
    .command("list")
    .description("all roles")
    .option("--filter <expression>", 'for example: name = "web"')
    .action(run(listRoles));
  roles
    .command("show")
    .description("a role with its services and files")
    .argument("<role>", "its name")
    .action(run(showRole));
  addWaitOptions(roles.command("delete"))
    .description("delete a role; nodes that have it lose it")
    .argument("<role>", "its name")
    .action(run(deleteRole));
}

async function listRoles(
  context: CommandContext,
  options: { readonly filter?: string },
): Promise<void> {
  const filter = options.filter ?? "";
  const list = await collectPages(async (pageToken, pageSize) => {
    const request = { pageSize, pageToken, filter };
    const page = await context.gateway.call(RoleServiceService.listRoles, request);
    return { items: page.roles, nextPageToken: page.nextPageToken, asOf: page.asOf };
  });
  const document = { roles: list.items.map(Role.toJSON), asOf: list.asOf.map(AsOf.toJSON) };
  await context.print(document, () => {
    if (list.items.length === 0) {
      context.note("no roles; `atoll apply -f FILE` brings some");
      return [];
    }
    const rows = list.items.map((role) => roleRow(role, context.nowMs));
    return table(ROLE_HEADING, rows, context.tableOptions);
  });
}

async function showRole(context: CommandContext, name: string): Promise<void> {
  const role = await withNearestNames(context.gateway, { role: name }, () =>
    context.gateway.call(RoleServiceService.getRole, { name: roleResourceName(name) }),
  );
  await context.print(Role.toJSON(role), () => roleLines(role, context.nowMs, context.paint));
}

async function deleteRole(
  context: CommandContext,
  name: string,
  options: WaitOptions,
): Promise<void> {
  const operation = await withNearestNames(context.gateway, { role: name }, () =>
    context.gateway.call(RoleServiceService.deleteRole, {
      name: roleResourceName(name),
      requestId: context.newRequestId(),
    }),
  );
  await finishOperation(context, operation, options);
}
