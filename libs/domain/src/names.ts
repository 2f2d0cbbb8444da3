/**
 * The names of things, made and checked in one place.
 *
 * A name is a DNS label: it is a file name, a NATS subject token and a path segment at once, so it
 * can hold none of `/`, `.`, `*`, `>`, blanks or control characters. Everything that comes from
 * outside passes through `checkName`.
 */

declare const brand: unique symbol;

export type DatacenterName = string & { readonly [brand]: "datacenter" };
/** The name of a physical server under management, unique within its datacenter. */
export type NodeName = string & { readonly [brand]: "node" };
export type RoleName = string & { readonly [brand]: "role" };
export type ServiceName = string & { readonly [brand]: "service" };
/** `role/service`: a service on a node, whichever node it is. */
export type ServiceKey = string & { readonly [brand]: "serviceKey" };
/** `node-generation`, for example `n1-17`. */
export type ActionId = string & { readonly [brand]: "action" };
/** `op-number`, for example `op-3`. */
export type OperationId = string & { readonly [brand]: "operation" };
/**
 * What an action is about: `service:role/name` or `file:/path`. At most one action per target is
 * under way.
 */
export type TargetKey = string & { readonly [brand]: "target" };

export const NAME_LENGTH_MAX = 63;
export const NAME_RULE: string =
  "1 to 63 characters: lower-case letters, digits and hyphens, " +
  "beginning and ending with a letter or digit";

const NAME_PATTERN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Why `text` is no name, or undefined when it is one. The text is shown shortened and escaped. */
export function checkName(what: string, text: string): string | undefined {
  if (NAME_PATTERN.test(text)) return undefined;
  return `${what} ${showText(text)} is not a name: allowed are ${NAME_RULE}`;
}

/** Foreign text made safe to show: quoted, escaped, at most 64 characters. */
export function showText(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    escapeUnit,
  );
}

export function serviceKey(role: RoleName, service: ServiceName): ServiceKey {
  return `${role}/${service}` as ServiceKey;
}

export function serviceTarget(key: ServiceKey): TargetKey {
  return `service:${key}` as TargetKey;
}

export function fileTarget(path: string): TargetKey {
  return `file:${path}` as TargetKey;
}

export function actionId(node: NodeName, generation: number): ActionId {
  return `${node}-${generation}` as ActionId;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
