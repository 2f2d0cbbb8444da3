/**
 * Finding what a command names, or the rejection that helps: with the nearest right name.
 */
import { nearest } from "@atoll/stdx";
import type { NodeName, RoleName } from "./names.ts";
import { checkName, showText } from "./names.ts";
import { rejected } from "./rejection.ts";
import type { Rejection } from "./rejection.ts";
import type { NodeState, RoleState, StateView } from "./state.ts";

/**
 * So many names are compared for a suggestion at most: a typing error must not hold up the leader.
 */
const CANDIDATES_MAX = 2_000;

export type Found<T> = { readonly type: "found"; readonly value: T } | Rejection;

export function findNode(view: StateView, name: NodeName): Found<NodeState> {
  const value = view.node(name);
  if (value !== undefined) return { type: "found", value };
  return notFound("node", name, () => namesOf(view.nodes(), (node) => node.name));
}

export function findRole(view: StateView, name: RoleName): Found<RoleState> {
  const value = view.role(name);
  if (value !== undefined) return { type: "found", value };
  return notFound("role", name, () => namesOf(view.roles(), (role) => role.spec.name));
}

/**
 * For text that is no name the rule of names is told; for a name that is unknown the nearest one.
 */
export function notFound(
  what: string,
  name: string,
  candidates: () => Iterable<string>,
): Rejection {
  const wrong = checkName(what, name);
  if (wrong !== undefined) return rejected("invalidArgument", wrong);
  const near = nearest(name, candidates());
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return rejected("notFound", `there is no ${what} ${showText(name)}${hint}`);
}

function* namesOf<T>(values: Iterable<T>, nameOf: (value: T) => string): Iterable<string> {
  let count = 0;
  for (const value of values) {
    if (count >= CANDIDATES_MAX) return;
    count += 1;
    yield nameOf(value);
  }
}
