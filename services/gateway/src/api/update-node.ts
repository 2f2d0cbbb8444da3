/**
 * The command for UpdateNode: which fields the mask names, and what the caller saw.
 */
import { type DatacenterName, showText } from "@atoll/domain";
import type { SubmitCommand } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { Node, UpdateNodeRequest } from "@atoll/proto/atoll/v1/node";
import { invalidField } from "@atoll/service-kit";
import { nearest } from "@atoll/stdx";
import { parseNode } from "./parse-names.ts";

type Command = NonNullable<SubmitCommand["command"]>;

export interface UpdateNodeCommand {
  /** Where the node stands. */
  readonly datacenter: DatacenterName;
  readonly command: Command;
}

const UPDATABLE = ["labels", "location"] as const;
const ETAG_PATTERN = /^[1-9]\d{0,15}$/;

export function updateNodeCommand(request: UpdateNodeRequest): UpdateNodeCommand {
  const { node } = request;
  if (node === undefined) throw invalidField("node", "it is required", "FIELD_MISSING");
  const { datacenter, name } = parseNode(node.name, "node.name");
  const paths = updatedPaths(request.updateMask ?? []);
  const command: Command = {
    $case: "updateNode",
    value: {
      node: name,
      ...(paths.has("labels") ? { labels: { labels: { ...node.labels } } } : {}),
      ...(paths.has("location") ? { location: node.location ?? {} } : {}),
      revision: revisionOf(node),
    },
  };
  return { datacenter, command };
}

/** All that can be updated when the mask is empty or `*`. */
function updatedPaths(mask: readonly string[]): ReadonlySet<string> {
  if (mask.length === 0 || (mask.length === 1 && mask[0] === "*")) return new Set(UPDATABLE);
  for (const path of mask) {
    if (UPDATABLE.some((allowed) => allowed === path)) continue;
    const near = nearest(path, UPDATABLE);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw invalidField(
      "update_mask",
      `${showText(path)} cannot be updated: allowed are ${UPDATABLE.join(", ")}${hint}`,
      "FIELD_MASK_INVALID",
    );
  }
  return new Set(mask);
}

function revisionOf({ etag }: Node): number {
  if (etag === "") return 0;
  if (ETAG_PATTERN.test(etag)) return Number(etag);
  throw invalidField(
    "node.etag",
    "it is not an etag that was given out: read the node again",
    "ETAG_INVALID",
  );
}
