/**
 * Between the short names that people type and the resource names of the API.
 *
 * `n1` and `datacenters/dc1/nodes/n1` mean the same node. Nothing is checked here but the shape:
 * whether a name is allowed or known, the gateway says.
 */
import { usageError } from "./failure.ts";

export type Collection = "nodes" | "actions" | "operations" | "events" | "replicas";

/** `datacenters/DC/COLLECTION/ID` from a short or a full name. */
export function resourceName(datacenter: string, collection: Collection, text: string): string {
  if (text.startsWith("datacenters/")) return text;
  const id = text.startsWith(`${collection}/`) ? text.slice(collection.length + 1) : text;
  if (id === "" || id.includes("/")) {
    throw usageError(
      `${JSON.stringify(text)} names none of ${collection}`,
      `a name is short (n1) or whole (${datacenter}/${collection}/n1)`,
    );
  }
  return `${datacenter}/${collection}/${id}`;
}

/** In the place of a datacenter's name: all of them, for lists. */
export const ALL_DATACENTERS = "datacenters/-";

/** The datacenter that a resource belongs to; empty for one that belongs to none. */
export function datacenterOf(resource: string): string {
  return /^datacenters\/([^/]+)/.exec(resource)?.[1] ?? "";
}

export function roleResourceName(text: string): string {
  return text.startsWith("roles/") ? text : `roles/${text}`;
}

/** The last segment: what people call it. */
export function shortName(resource: string): string {
  return resource.slice(resource.lastIndexOf("/") + 1);
}
