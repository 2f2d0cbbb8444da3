/**
 * Resource names of the API: `datacenters/DC/nodes/NAME`, `roles/NAME`, and their kind.
 *
 * The only place that takes them apart and puts them together. A wrong form is INVALID_ARGUMENT and
 * says the right one; a datacenter that is not this one is NOT_FOUND and names those that are
 * known.
 */
import {
  type ActionId,
  checkName,
  type DatacenterName,
  type NodeName,
  type OperationId,
  type RoleName,
  showText,
} from "@atoll/domain";
import { ApiError, invalidField } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";

const ACTION_PATTERN = /^[a-z0-9-]{1,63}-[1-9]\d{0,15}$/;
const REPLICA_PATTERN = /^[1-9]\d{0,3}$/;
const OPERATION_PATTERN = /^op-[1-9]\d{0,15}$/;

export class ResourceNames {
  readonly #home: DatacenterName;

  constructor(home: DatacenterName) {
    this.#home = home;
  }

  get datacenter(): string {
    return `datacenters/${this.#home}`;
  }

  node(name: string): string {
    return `${this.datacenter}/nodes/${name}`;
  }

  action(id: string): string {
    return `${this.datacenter}/actions/${id}`;
  }

  operation(id: string): string {
    return `${this.datacenter}/operations/${id}`;
  }

  replica(id: number): string {
    return `${this.datacenter}/replicas/${id}`;
  }

  event(index: number, offset: number): string {
    return `${this.datacenter}/events/${index}-${offset}`;
  }

  role(name: string): string {
    return `roles/${name}`;
  }

  /** The datacenter of a list: this one, or `datacenters/-` for all. */
  checkParent(text: string): void {
    const parts = text.split("/");
    if (parts.length !== 2 || parts[0] !== "datacenters") {
      throw badForm("parent", text, "datacenters/DC or datacenters/-");
    }
    if (parts[1] !== "-") this.#checkHome("parent", parts[1] as string);
  }

  parseDatacenter(text: string): DatacenterName {
    const parts = text.split("/");
    if (parts.length !== 2 || parts[0] !== "datacenters")
      throw badForm("name", text, "datacenters/DC");
    this.#checkHome("name", parts[1] as string);
    return this.#home;
  }

  parseNode(text: string, field = "name"): NodeName {
    const name = this.#child(field, text, "nodes", "NAME");
    return checked<NodeName>(field, "node", name);
  }

  parseAction(text: string): ActionId {
    const id = this.#child("name", text, "actions", "NODE-GENERATION");
    if (!ACTION_PATTERN.test(id)) {
      throw badForm("name", text, "datacenters/DC/actions/NODE-GENERATION");
    }
    return id as ActionId;
  }

  parseOperation(text: string): OperationId {
    const id = this.#child("name", text, "operations", "op-NUMBER");
    if (!OPERATION_PATTERN.test(id))
      throw badForm("name", text, "datacenters/DC/operations/op-NUMBER");
    return id as OperationId;
  }

  parseReplica(text: string): number {
    const id = this.#child("name", text, "replicas", "ID");
    if (!REPLICA_PATTERN.test(id)) throw badForm("name", text, "datacenters/DC/replicas/ID");
    return Number(id);
  }

  parseRole(text: string, field = "name"): RoleName {
    const parts = text.split("/");
    if (parts.length !== 2 || parts[0] !== "roles") throw badForm(field, text, "roles/NAME");
    return checked<RoleName>(field, "role", parts[1] as string);
  }

  #child(field: string, text: string, collection: string, form: string): string {
    const parts = text.split("/");
    if (parts.length !== 4 || parts[0] !== "datacenters" || parts[2] !== collection) {
      throw badForm(field, text, `datacenters/DC/${collection}/${form}`);
    }
    this.#checkHome(field, parts[1] as string);
    return parts[3] as string;
  }

  #checkHome(field: string, datacenter: string): void {
    if (datacenter === this.#home) return;
    const wrong = checkName("datacenter", datacenter);
    if (wrong !== undefined) throw invalidField(field, wrong, "NAME_INVALID");
    throw new ApiError(
      status.NOT_FOUND,
      `no datacenter ${datacenter} is known here; known are ${this.#home}`,
      { reason: "DATACENTER_UNKNOWN", metadata: { datacenter, known: this.#home } },
    );
  }
}

function checked<T extends string>(field: string, what: string, text: string): T {
  const wrong = checkName(what, text);
  if (wrong !== undefined) throw invalidField(field, wrong, "NAME_INVALID");
  return text as T;
}

function badForm(field: string, text: string, form: string): ApiError {
  return invalidField(field, `${showText(text)} is not of the form ${form}`, "NAME_INVALID");
}
