/**
 * What a node should be, as digests: its roles, and for each of their files and services the
 * digest of the rendered specification.
 *
 * Rendered text is not kept; an order renders its target again. So the cache costs some hundred
 * bytes a node, and a node whose labels, location, roles and inventory are the same objects as
 * before is not rendered anew. Never holds anything that could not be computed again from the
 * view.
 */
import type { DatacenterName, NodeName, NodeState, RoleState, StateView } from "@atoll/domain";
import { hasRole } from "@atoll/domain";
import { NODES_CACHED_MAX } from "./bounds.ts";
import { type CompiledRole, compileRole } from "./compiled-role.ts";
import { type DoubtfulRole, unknownConditions } from "./doubtful-role.ts";
import { fileDigest, renderFile, sealService } from "./render.ts";
import { type MissingFact, readFacts } from "./template-text.ts";

export interface DesiredRole {
  readonly role: CompiledRole;
  /** Facts that the node lacks; when there is one, nothing of the role is touched on it. */
  readonly missing: readonly MissingFact[];
  /** By place in the role; empty when a fact is missing. */
  readonly fileDigests: readonly string[];
  readonly serviceDigests: readonly string[];
}

/** All roles of a datacenter at one moment; another object when any of them changes. */
export interface Catalog {
  readonly states: readonly RoleState[];
  readonly roles: readonly CompiledRole[];
}

interface Cached {
  readonly catalog: Catalog;
  readonly labels: NodeState["labels"];
  readonly location: NodeState["location"];
  readonly assignedRoles: NodeState["assignedRoles"];
  readonly inventory: unknown;
  readonly desired: DesiredNode;
}

export interface DesiredNode {
  /** The roles that the node has, sorted by name. */
  readonly roles: readonly DesiredRole[];
  /**
   * Roles that it may or may not have: their rules ask for hardware that the agent could not
   * read.
   */
  readonly doubtful: readonly DoubtfulRole[];
}

export class DesiredCache {
  readonly #view: StateView;
  readonly #datacenter: DatacenterName;
  readonly #nodes = new Map<NodeName, Cached>();
  #catalog: Catalog = { states: [], roles: [] };
  /** Roles that ask for no facts are the same on every node. */
  #shared = new Map<CompiledRole, DesiredRole>();

  constructor(view: StateView, datacenter: DatacenterName) {
    this.#view = view;
    this.#datacenter = datacenter;
  }

  /** The roles as they are now. */
  catalog(): Catalog {
    const known = this.#catalog.states;
    let count = 0;
    let same = true;
    for (const state of this.#view.roles()) {
      if (known[count] !== state) {
        same = false;
        break;
      }
      count += 1;
    }
    if (same && count === known.length) return this.#catalog;
    const compiled = new Map(this.#catalog.roles.map((role) => [role.state, role]));
    const states = [...this.#view.roles()];
    const roles = states.map((state) => compiled.get(state) ?? compileRole(state));
    this.#catalog = { states, roles };
    this.#shared = new Map();
    return this.#catalog;
  }

  /** What `node` should be by `catalog`, which is the present one. */
  of(node: NodeState, catalog: Catalog): DesiredNode {
    const cached = this.#nodes.get(node.name);
    if (
      cached !== undefined &&
      cached.catalog === catalog &&
      cached.labels === node.labels &&
      cached.location === node.location &&
      cached.assignedRoles === node.assignedRoles &&
      cached.inventory === node.inventory?.value
    ) {
      return cached.desired;
    }
    const roles: DesiredRole[] = [];
    const doubtful: DoubtfulRole[] = [];
    for (const role of catalog.roles) {
      const { spec } = role.state;
      if (hasRole(spec, node)) {
        roles.push(this.#desiredRole(role, node));
        continue;
      }
      const unknown = unknownConditions(spec, node, this.#datacenter);
      if (unknown.length > 0) doubtful.push({ role, unknown });
    }
    const desired = { roles, doubtful };
    this.#keep(node, catalog, desired);
    return desired;
  }

  forget(name: NodeName): void {
    this.#nodes.delete(name);
  }

  #desiredRole(role: CompiledRole, node: NodeState): DesiredRole {
    if (role.facts.length > 0) return desiredRole(role, node, this.#datacenter);
    const known = this.#shared.get(role);
    if (known !== undefined) return known;
    const shared = desiredRole(role, node, this.#datacenter);
    this.#shared.set(role, shared);
    return shared;
  }

  #keep(node: NodeState, catalog: Catalog, desired: DesiredNode): void {
    if (this.#nodes.size >= NODES_CACHED_MAX && !this.#nodes.has(node.name)) {
      const oldest = this.#nodes.keys().next();
      if (oldest.done !== true) this.#nodes.delete(oldest.value);
    }
    this.#nodes.set(node.name, {
      catalog,
      labels: node.labels,
      location: node.location,
      assignedRoles: node.assignedRoles,
      inventory: node.inventory?.value,
      desired,
    });
  }
}

function desiredRole(role: CompiledRole, node: NodeState, datacenter: DatacenterName): DesiredRole {
  const { values, missing } = readFacts(role.facts, node, datacenter);
  if (missing.length > 0) return { role, missing, fileDigests: [], serviceDigests: [] };
  const fileDigests = role.files.map((file) => {
    return file.fixedDigest ?? fileDigest(renderFile(file.spec, values));
  });
  const serviceDigests = role.services.map((service) => {
    const restartDigests = service.restartOn.map((at) => fileDigests[at] as string);
    return sealService(service.spec, service.key, values, restartDigests).digest;
  });
  return { role, missing: [], fileDigests, serviceDigests };
}
