/**
 * A role made ready for planning: targets named, services in order of their start, the facts it
 * asks for collected.
 *
 * Depends on the role alone, so it is shared by every node that has the role, and is made once
 * per change of the role.
 */
import {
  type FileSpec,
  fileTarget,
  type RoleName,
  type RoleSpec,
  type RoleState,
  type ServiceKey,
  serviceKey,
  type ServiceName,
  type ServiceSpec,
  serviceTarget,
  type TargetKey,
} from "@atoll/domain";
import { fileDigest, fileFacts, renderFile, serviceFacts } from "./render.ts";

export interface CompiledRole {
  readonly state: RoleState;
  readonly name: RoleName;
  readonly files: readonly CompiledFile[];
  /** Each after those it waits for. */
  readonly services: readonly CompiledService[];
  /** Names of all facts that its templates ask for, sorted. */
  readonly facts: readonly string[];
  /** Whether the inventory decides who has the role, or what it is on a node. */
  readonly asksForHardware: boolean;
  readonly servicesByKey: ReadonlyMap<ServiceKey, CompiledService>;
  readonly filesByPath: ReadonlyMap<string, CompiledFile>;
}

export interface CompiledFile {
  readonly spec: FileSpec;
  readonly target: TargetKey;
  /** Place in the role's list. */
  readonly at: number;
  /** Its digest on every node; undefined when the template asks for facts. */
  readonly fixedDigest: string | undefined;
}

export interface CompiledService {
  readonly spec: ServiceSpec;
  readonly key: ServiceKey;
  readonly target: TargetKey;
  /** Place in the role's list. */
  readonly at: number;
  /** Must be as wanted and healthy before this one is started. */
  readonly after: readonly ServiceKey[];
  /** Wait for this one; stopped before it. */
  readonly dependents: readonly ServiceKey[];
  /** Places of the files in `restartOn`. */
  readonly restartOn: readonly number[];
}

export function compileRole(state: RoleState): CompiledRole {
  const { spec } = state;
  const files = spec.files.map(compileFile);
  const filesByPath = new Map(files.map((file) => [file.spec.path, file]));
  const services = startOrder(spec.services).map((service, at) => {
    return compileService(spec.name, service, { at, all: spec.services, filesByPath });
  });
  const facts = new Set<string>();
  for (const file of spec.files) for (const fact of fileFacts(file)) facts.add(fact);
  for (const service of spec.services) for (const fact of serviceFacts(service)) facts.add(fact);
  return {
    state,
    name: spec.name,
    files,
    services,
    facts: [...facts].toSorted(),
    asksForHardware: asksForHardware(spec, facts),
    servicesByKey: new Map(services.map((service) => [service.key, service])),
    filesByPath,
  };
}

const HARDWARE_FACTS: readonly string[] = ["cpu.", "memory.", "os.", "disks.", "nics."];

function asksForHardware({ match }: RoleSpec, facts: ReadonlySet<string>): boolean {
  if (match !== undefined && Object.keys(match.hardware).length > 0) return true;
  return [...facts].some((fact) => HARDWARE_FACTS.some((prefix) => fact.startsWith(prefix)));
}

function compileFile(spec: FileSpec, at: number): CompiledFile {
  const fixed = fileFacts(spec).length === 0;
  return {
    spec,
    target: fileTarget(spec.path),
    at,
    fixedDigest: fixed ? fileDigest(renderFile(spec, NO_FACTS)) : undefined,
  };
}

const NO_FACTS: ReadonlyMap<string, string> = new Map();

function compileService(
  role: RoleName,
  spec: ServiceSpec,
  context: {
    at: number;
    all: readonly ServiceSpec[];
    filesByPath: ReadonlyMap<string, CompiledFile>;
  },
): CompiledService {
  const key = serviceKey(role, spec.name);
  const dependents = context.all.filter((other) => other.after.includes(spec.name));
  const restartOn: number[] = [];
  for (const path of spec.restartOn) {
    const file = context.filesByPath.get(path);
    if (file !== undefined) restartOn.push(file.at);
  }
  return {
    spec,
    key,
    target: serviceTarget(key),
    at: context.at,
    after: spec.after.map((name) => serviceKey(role, name)),
    dependents: dependents.map((other) => serviceKey(role, other.name)),
    restartOn,
  };
}

/**
 * Services such that each comes after those it waits for, otherwise as the user wrote them.
 * Services in a cycle, which no accepted role has, come last.
 */
function startOrder(services: readonly ServiceSpec[]): readonly ServiceSpec[] {
  const ordered: ServiceSpec[] = [];
  const placed = new Set<ServiceName>();
  let remaining = services;
  while (remaining.length > 0) {
    const next = remaining.filter((service) => service.after.every((name) => placed.has(name)));
    if (next.length === 0) return [...ordered, ...remaining];
    for (const service of next) placed.add(service.name);
    ordered.push(...next);
    remaining = remaining.filter((service) => !placed.has(service.name));
  }
  return ordered;
}
