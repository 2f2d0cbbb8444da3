/**
 * Finds what is on a node although no role wants it there any more.
 *
 * Services are stopped before files are removed, and a service after those that depend on it.
 * Where its role is gone, so that nobody knows the dependencies, the services of that role are
 * stopped one by one, the one that came last to its present status first. Called only when the
 * agent knows of more than the roles want.
 */
import type { ObservedFile, ObservedService, ServiceKey, TargetKey } from "@atoll/domain";
import { fileTarget, serviceTarget } from "@atoll/domain";
import { compareText, sortedEntries } from "@atoll/stdx";
import type { CompiledRole } from "./compiled-role.ts";
import type { DoubtfulRole } from "./doubtful-role.ts";
import type { Finding, Findings, Look } from "./finding.ts";
import { goneIndex } from "./gone-cause.ts";
import { nextStep } from "./next-step.ts";

/** What failures of a removal are counted under: it has no specification. */
const NO_DIGEST = "";

export function assessRemoval(look: Look, findings: Findings): void {
  for (const doubt of look.doubtful) leaveDoubtful(look, doubt, findings);
  const unwanted = unwantedServices(look);
  if (unwanted.size === 0 && findings.filesKnown === look.node.files.size) return;
  for (const [key, observed] of unwanted) {
    if (look.node.open.has(serviceTarget(key))) continue;
    findings.list.push(findUnwantedService(look, key, observed, unwanted));
  }
  const user = unwanted.keys().next().value ?? replacedService(look);
  for (const [path, observed] of sortedEntries(look.node.files)) {
    if (isFileWanted(look, path) || look.node.open.has(fileTarget(path))) continue;
    const text = `no role wants file ${path} any more`;
    findings.list.push(
      nextStep(look, {
        target: fileTarget(path),
        subject: `file ${path}`,
        text,
        detail: observed.diff,
        since: observed.since,
        observed,
        digest: NO_DIGEST,
        wish: { type: "removeFile", path },
        cause: { text, index: goneIndex(look, fileRoleOf(look, path)) },
        gate: user === undefined ? undefined : `it is removed after ${user} has stopped`,
      }),
    );
  }
}

/** Services that run or are kept running without being wanted, by sorted key. */
function unwantedServices(look: Look): ReadonlyMap<ServiceKey, ObservedService> {
  const unwanted = new Map<ServiceKey, ObservedService>();
  for (const [name, observed] of sortedEntries(look.node.services)) {
    const key = name as ServiceKey;
    if (observed.status === "stopped" || observed.digest === "") continue;
    if (!isServiceWanted(look, key)) unwanted.set(key, observed);
  }
  return unwanted;
}

function isServiceWanted(look: Look, key: ServiceKey): boolean {
  const has = ({ role }: { role: CompiledRole }): boolean => role.servicesByKey.has(key);
  return look.roles.some(has) || look.doubtful.some(has);
}

function isFileWanted(look: Look, path: string): boolean {
  const has = ({ role }: { role: CompiledRole }): boolean => role.filesByPath.has(path);
  return look.roles.some(has) || look.doubtful.some(has);
}

/** Whether a role is wanted is not known, so what there is of it stays as it is. */
function leaveDoubtful(look: Look, { role, unknown }: DoubtfulRole, findings: Findings): void {
  const reasons = unknown.map(({ fact, reason }) => `${fact} is unknown (${reason})`).join(", ");
  const why = `is left as it is: whether role ${role.name} matches is not known, ${reasons}`;
  for (const { key, target } of role.services) {
    const observed = look.node.services.get(key);
    if (observed === undefined) continue;
    findings.servicesKnown += 1;
    findings.list.push(left(target, `${key} ${why}`, observed));
  }
  for (const { spec, target } of role.files) {
    const observed = look.node.files.get(spec.path);
    if (observed === undefined) continue;
    if (look.roles.some((has) => has.role.filesByPath.has(spec.path))) continue;
    findings.filesKnown += 1;
    findings.list.push(left(target, `file ${spec.path} ${why}`, observed));
  }
}

function left(
  subject: TargetKey,
  text: string,
  { since, reason }: ObservedService | ObservedFile,
): Finding {
  return { type: "leave", subject, text, detail: reason, since, failures: undefined };
}

/**
 * A service that still runs by an earlier specification, and may read a file that is not wanted
 * any more.
 */
function replacedService(look: Look): ServiceKey | undefined {
  for (const wanted of look.roles) {
    if (wanted.missing.length > 0) continue;
    for (const service of wanted.role.services) {
      const observed = look.node.services.get(service.key);
      if (observed === undefined || observed.status === "stopped") continue;
      if (observed.digest !== wanted.serviceDigests[service.at]) return service.key;
    }
  }
  return undefined;
}

function findUnwantedService(
  look: Look,
  key: ServiceKey,
  observed: ObservedService,
  unwanted: ReadonlyMap<ServiceKey, ObservedService>,
): Finding {
  const role = roleOf(look, key);
  const text = `no role wants ${key} any more`;
  const first = stoppedFirst(key, observed, { role, unwanted });
  return nextStep(look, {
    target: serviceTarget(key),
    subject: key,
    text,
    detail: observed.reason,
    since: observed.since,
    observed,
    digest: NO_DIGEST,
    wish: { type: "stopService", key },
    cause: { text, index: goneIndex(look, role) },
    gate: first === undefined ? undefined : `it is stopped after ${first}`,
  });
}

/** The role that the file is of, if there is one that still has it. */
function fileRoleOf(look: Look, path: string): CompiledRole | undefined {
  return look.catalog.roles.find((role) => role.filesByPath.has(path));
}

/** The role that the service is or was of, if it still exists. */
function roleOf(look: Look, key: ServiceKey): CompiledRole | undefined {
  return look.catalog.roles.find((role) => key.startsWith(`${role.name}/`));
}

/** The service that must be stopped before `key`, if any. */
function stoppedFirst(
  key: ServiceKey,
  observed: ObservedService,
  context: {
    readonly role: CompiledRole | undefined;
    readonly unwanted: ReadonlyMap<ServiceKey, ObservedService>;
  },
): ServiceKey | undefined {
  const { role, unwanted } = context;
  const service = role?.servicesByKey.get(key);
  if (service !== undefined) return service.dependents.find((other) => unwanted.has(other));
  const prefix = key.slice(0, key.indexOf("/") + 1);
  for (const [otherKey, other] of unwanted) {
    if (otherKey === key || !otherKey.startsWith(prefix)) continue;
    if (role?.servicesByKey.has(otherKey) === true) continue;
    if (startedLater(otherKey, other, key, observed)) return otherKey;
  }
  return undefined;
}

function startedLater(
  leftKey: ServiceKey,
  left: ObservedService,
  rightKey: ServiceKey,
  right: ObservedService,
): boolean {
  if (left.since.index !== right.since.index) return left.since.index > right.since.index;
  return compareText(leftKey, rightKey) > 0;
}
