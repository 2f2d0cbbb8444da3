/**
 * `atoll.v1.RoleService`: what nodes are to be, by the roles of the gateway's own datacenter.
 */
import { toProtoRoleSpec } from "@atoll/codec";
import { hasRole, type RoleState } from "@atoll/domain";
import {
  type ApplyRolesRequest,
  type ListRolesRequest,
  type ListRolesResponse,
  Role,
  type RoleServiceServer,
} from "@atoll/proto/atoll/v1/role";
import type { Operation } from "@atoll/proto/atoll/v1/operation";
import { ApiError, type CallContext, type FieldViolation, unary } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import { compileFilter } from "../filter/compile.ts";
import type { FilterField } from "../filter/fields.ts";
import type { Island } from "../islands/island.ts";
import { parseRoles } from "../roles/parse-roles.ts";
import { beginRead } from "./begin-read.ts";
import { findRole } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { etagOf } from "./node-view.ts";
import { parseRole } from "./parse-names.ts";
import { pageSizeOf, readPageToken, takePage } from "./pages.ts";
import { startOperation } from "./start-operation.ts";
import { sinceOf } from "./time.ts";

export function roleService(parts: HandlerParts): RoleServiceServer {
  const { environment } = parts;
  const { home } = parts.islands;
  return {
    getRole: unary(
      async ({ name }, context) => {
        const role = parseRole(name);
        await beginRead(home, context);
        return render(home, findRole(home.mirror, role));
      },
      { method: "RoleService/GetRole", environment },
    ),
    listRoles: unary((request, context) => listRoles(home, request, context), {
      method: "RoleService/ListRoles",
      environment,
    }),
    applyRoles: unary((request, context) => applyRoles(home, request, context), {
      method: "RoleService/ApplyRoles",
      environment,
    }),
    deleteRole: unary(
      ({ name, requestId }, context) => {
        const role = parseRole(name);
        const command = { $case: "deleteRole", value: { role } } as const;
        return startOperation(home, context, { command, requestId, kind: "deleteRole" });
      },
      { method: "RoleService/DeleteRole", environment },
    ),
  };
}

async function listRoles(
  home: Island,
  request: ListRolesRequest,
  context: CallContext,
): Promise<ListRolesResponse> {
  const { mirror } = home;
  const keeps = compileFilter(request.filter, filterFields(home));
  const list = ["roles", request.filter];
  const after = readPageToken(request, list);
  const size = pageSizeOf(request);
  const asOf = await beginRead(home, context);
  function* kept(): Iterable<RoleState> {
    for (const role of mirror.datacenter.roles()) {
      if ((after === undefined || role.spec.name > after) && keeps(role)) yield role;
    }
  }
  const page = takePage(kept(), {
    size,
    list,
    keyOf: ({ spec }) => spec.name,
    render: (role) => render(home, role),
    bytesOf: (role) => Role.encode(role).finish().length,
  });
  return {
    roles: page.items,
    nextPageToken: page.nextPageToken,
    asOf: [asOf],
  };
}

async function applyRoles(
  home: Island,
  request: ApplyRolesRequest,
  context: CallContext,
): Promise<Operation> {
  const parsed = parseRoles(request.documents);
  if (parsed.type === "failed") throw invalidRoles(parsed.violations);
  const { roles, locate } = parsed;
  return startOperation(home, context, {
    command: { $case: "applyRoles", value: { roles } },
    requestId: request.requestId,
    validateOnly: request.validateOnly,
    kind: "applyRoles",
    locate,
  });
}

function invalidRoles(violations: readonly FieldViolation[]): ApiError {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  const message = `nothing was applied: ${first?.field}: ${first?.description}${more}`;
  return new ApiError(status.INVALID_ARGUMENT, message, { reason: "ROLES_INVALID", violations });
}

function render({ names, mirror }: Island, { spec, revision, since }: RoleState): Role {
  let nodeCount = 0;
  for (const node of mirror.datacenter.nodes()) if (hasRole(spec, node)) nodeCount += 1;
  return {
    name: names.role(spec.name),
    spec: toProtoRoleSpec(spec),
    etag: etagOf(revision),
    since: sinceOf(since),
    nodeCount,
  };
}

function filterFields({ names }: Island): readonly FilterField<RoleState>[] {
  return [
    { name: "name", kind: { type: "text" }, read: ({ spec }) => names.role(spec.name) },
    { name: "description", kind: { type: "text" }, read: ({ spec }) => spec.description },
    {
      name: "services",
      kind: { type: "list" },
      read: ({ spec }) => spec.services.map(({ name }) => name),
    },
    {
      name: "files",
      kind: { type: "list" },
      read: ({ spec }) => spec.files.map(({ path }) => path),
    },
    { name: "since", kind: { type: "time" }, read: ({ since }) => since.stampMs },
  ];
}
