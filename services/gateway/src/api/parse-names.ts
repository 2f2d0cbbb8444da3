/**
 * Takes resource names apart: `datacenters/DC/nodes/NAME`, `roles/NAME`, and their kind.
 *
 * The only place that does; `ResourceNames` puts them together. A wrong form is INVALID_ARGUMENT
 * and says the right one. Whether what is named exists is not asked here.
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
import { type ApiError, invalidField } from "@atoll/service-kit";

/** What is named, and the datacenter that it belongs to. */
export interface Located<Name> {
  readonly datacenter: DatacenterName;
  readonly name: Name;
}

/** In the place of a datacenter's name: all of them. */
export const ALL_DATACENTERS = "-";

const ACTION_PATTERN = /^[a-z0-9-]{1,63}-[1-9]\d{0,15}$/;
const REPLICA_PATTERN = /^[1-9]\d{0,3}$/;
const OPERATION_PATTERN = /^op-[1-9]\d{0,15}$/;

/** The datacenter of a list: `datacenters/DC`, or `datacenters/-` for all. */
export function parseParent(text: string): DatacenterName | typeof ALL_DATACENTERS {
  const parts = text.split("/");
  if (parts.length !== 2 || parts[0] !== "datacenters") {
    throw badForm("parent", text, "datacenters/DC or datacenters/-");
  }
  if (parts[1] === ALL_DATACENTERS) return ALL_DATACENTERS;
  return checked<DatacenterName>("parent", "datacenter", parts[1] as string);
}

export function parseDatacenter(text: string): DatacenterName {
  const parts = text.split("/");
  if (parts.length !== 2 || parts[0] !== "datacenters")
    throw badForm("name", text, "datacenters/DC");
  return checked<DatacenterName>("name", "datacenter", parts[1] as string);
}

export function parseNode(text: string, field = "name"): Located<NodeName> {
  const { datacenter, name } = child(field, text, "nodes", "NAME");
  return { datacenter, name: checked<NodeName>(field, "node", name) };
}

export function parseAction(text: string): Located<ActionId> {
  const { datacenter, name } = child("name", text, "actions", "NODE-GENERATION");
  if (!ACTION_PATTERN.test(name)) {
    throw badForm("name", text, "datacenters/DC/actions/NODE-GENERATION");
  }
  return { datacenter, name: name as ActionId };
}

export function parseOperation(text: string): Located<OperationId> {
  const { datacenter, name } = child("name", text, "operations", "op-NUMBER");
  if (!OPERATION_PATTERN.test(name)) {
    throw badForm("name", text, "datacenters/DC/operations/op-NUMBER");
  }
  return { datacenter, name: name as OperationId };
}

export function parseReplica(text: string): Located<number> {
  const { datacenter, name } = child("name", text, "replicas", "ID");
  if (!REPLICA_PATTERN.test(name)) throw badForm("name", text, "datacenters/DC/replicas/ID");
  return { datacenter, name: Number(name) };
}

export function parseRole(text: string, field = "name"): RoleName {
  const parts = text.split("/");
  if (parts.length !== 2 || parts[0] !== "roles") throw badForm(field, text, "roles/NAME");
  return checked<RoleName>(field, "role", parts[1] as string);
}

function child(field: string, text: string, collection: string, form: string): Located<string> {
  const parts = text.split("/");
  if (parts.length !== 4 || parts[0] !== "datacenters" || parts[2] !== collection) {
    throw badForm(field, text, `datacenters/DC/${collection}/${form}`);
  }
  const datacenter = checked<DatacenterName>(field, "datacenter", parts[1] as string);
  return { datacenter, name: parts[3] as string };
}

function checked<T extends string>(field: string, what: string, text: string): T {
  const wrong = checkName(what, text);
  if (wrong !== undefined) throw invalidField(field, wrong, "NAME_INVALID");
  return text as T;
}

function badForm(field: string, text: string, form: string): ApiError {
  return invalidField(field, `${showText(text)} is not of the form ${form}`, "NAME_INVALID");
}
