/**
 * Compares one role's files and services with what the agent observed.
 *
 * Files come before services, and a service comes after those it waits for are as wanted and
 * healthy. A role with a fact that the node lacks is not touched at all, neither started nor
 * stopped.
 */
import type { ObservedFile, ObservedService } from "@atoll/domain";
import { failuresOf } from "./backoff.ts";
import { changedCause, roleSince, wantedCause } from "./cause.ts";
import type { CompiledFile, CompiledService } from "./compiled-role.ts";
import type { DesiredRole } from "./desired.ts";
import { type Finding, type Findings, laterSince, type Look, type Wish } from "./finding.ts";
import { type Candidate, nextStep } from "./next-step.ts";
import { failuresText, withReason } from "./text.ts";

export function assessRole(look: Look, wanted: DesiredRole, findings: Findings): void {
  const { node } = look;
  if (wanted.missing.length > 0) {
    assessBlocked(look, wanted, findings);
    return;
  }
  let unsettledFile: CompiledFile | undefined;
  for (const file of wanted.role.files) {
    const observed = node.files.get(file.spec.path);
    if (observed !== undefined) findings.filesKnown += 1;
    if (!assessFile(look, wanted, file, observed, findings)) unsettledFile ??= file;
  }
  for (const service of wanted.role.services) {
    const observed = node.services.get(service.key);
    if (observed !== undefined) findings.servicesKnown += 1;
    if (node.open.has(service.target)) continue;
    if (observed !== undefined && isAsWanted(wanted, service, observed)) {
      findings.settledSince = laterSince(findings.settledSince, observed.since);
      continue;
    }
    findings.list.push(findService(look, wanted, service, unsettledFile));
  }
}

function assessBlocked(look: Look, wanted: DesiredRole, findings: Findings): void {
  const { node } = look;
  for (const file of wanted.role.files) {
    if (node.files.has(file.spec.path)) findings.filesKnown += 1;
  }
  for (const service of wanted.role.services) {
    if (node.services.has(service.key)) findings.servicesKnown += 1;
  }
  const reasons = wanted.missing.map(({ fact, reason }) => `${fact} (${reason})`);
  findings.list.push({
    type: "wait",
    subject: "node",
    text: `role ${wanted.role.name} waits for ${reasons.join(", ")}`,
    detail: "nothing of the role is started, stopped or written until then",
    since: roleSince(wanted, node),
    failures: undefined,
    untilMs: undefined,
  });
}

/** Whether the services of the role may rely on the file. */
function assessFile(
  look: Look,
  wanted: DesiredRole,
  file: CompiledFile,
  observed: ObservedFile | undefined,
  findings: Findings,
): boolean {
  if (look.node.open.has(file.target)) return false;
  const digest = wanted.fileDigests[file.at] as string;
  if (observed !== undefined && observed.digest === digest) {
    if (observed.status === "inSync") {
      findings.settledSince = laterSince(findings.settledSince, observed.since);
      return true;
    }
    if (wanted.role.state.spec.drift === "report") {
      findings.settledSince = laterSince(findings.settledSince, observed.since);
      findings.list.push(leftAlone(file, observed));
      return true;
    }
  }
  findings.list.push(findFile(look, wanted, file, observed, digest));
  return false;
}

function leftAlone(file: CompiledFile, observed: ObservedFile): Finding {
  return {
    type: "leave",
    subject: file.target,
    text: `${driftText(observed)} and is left so (drift: report)`,
    detail: observed.diff,
    since: observed.since,
    failures: undefined,
  };
}

function driftText(observed: ObservedFile): string {
  const what = observed.status === "missing" ? "is missing" : "was changed by hand";
  return withReason(`file ${observed.path} ${what}`, observed.reason);
}

function findFile(
  look: Look,
  wanted: DesiredRole,
  file: CompiledFile,
  observed: ObservedFile | undefined,
  digest: string,
): Finding {
  const subject = `file ${file.spec.path}`;
  const ours = observed !== undefined && observed.digest === digest;
  const cause = ours
    ? { text: driftText(observed), index: observed.since.index }
    : observed === undefined
      ? wantedCause(look, wanted)
      : changedCause(look, wanted, subject);
  return nextStep(look, {
    subject,
    text: observed === undefined ? `${subject} is not written yet` : cause.text,
    detail: observed?.diff ?? "",
    since: observed === undefined ? roleSince(wanted, look.node) : observed.since,
    wish: { type: "writeFile", role: wanted, file },
    cause,
    digest,
    observed,
    target: file.target,
    gate: undefined,
  });
}

/** Runs, is healthy, and is the instance that is wanted. */
function isAsWanted(
  wanted: DesiredRole,
  service: CompiledService,
  observed: ObservedService,
): boolean {
  return observed.status === "healthy" && observed.digest === wanted.serviceDigests[service.at];
}

function findService(
  look: Look,
  wanted: DesiredRole,
  service: CompiledService,
  unsettledFile: CompiledFile | undefined,
): Finding {
  const { node } = look;
  const { key, target } = service;
  const digest = wanted.serviceDigests[service.at] as string;
  const observed = node.services.get(key);
  if (observed !== undefined && observed.digest === digest && observed.status === "starting") {
    const failures = failuresOf(node, target, digest);
    const before = failures === undefined ? "" : `${failuresText(key, failures)}; `;
    return {
      type: "wait",
      subject: target,
      text: failures === undefined ? `${key} is starting` : `${before}it is starting`,
      detail: observed.reason,
      since: observed.since,
      failures,
      untilMs: undefined,
    };
  }
  return nextStep(look, {
    ...needOf(look, wanted, service, observed, digest),
    subject: key,
    detail: observed?.reason ?? "",
    digest,
    observed,
    target,
    gate: gateOf(look, wanted, service, unsettledFile),
  });
}

type Need = Pick<Candidate, "text" | "since" | "wish" | "cause">;

/** What is the matter with a service that is neither as wanted nor on its way to it. */
function needOf(
  look: Look,
  wanted: DesiredRole,
  service: CompiledService,
  observed: ObservedService | undefined,
  digest: string,
): Need {
  const { key } = service;
  const start: Wish = { type: "startService", role: wanted, service };
  if (observed === undefined) {
    const cause = wantedCause(look, wanted);
    const since = roleSince(wanted, look.node);
    return { text: `${key} is not started yet`, since, wish: start, cause };
  }
  const { since } = observed;
  if (observed.digest !== digest) {
    const cause = changedCause(look, wanted, key);
    return { text: cause.text, since, wish: start, cause };
  }
  const restart: Wish = { type: "restartService", role: wanted, service };
  const broken = observed.status === "crashed" || observed.status === "unhealthy";
  const what = observed.status === "crashed" ? `${key} crashed` : `${key} is ${observed.status}`;
  const text = withReason(what, observed.reason);
  return { text, since, wish: broken ? restart : start, cause: { text, index: since.index } };
}

/** What must happen before the service may be started; undefined when nothing must. */
function gateOf(
  look: Look,
  wanted: DesiredRole,
  service: CompiledService,
  unsettledFile: CompiledFile | undefined,
): string | undefined {
  if (unsettledFile !== undefined) return `it waits for file ${unsettledFile.spec.path}`;
  for (const key of service.after) {
    const other = wanted.role.servicesByKey.get(key);
    if (other === undefined) return `it waits for ${key}, which the role does not have`;
    const observed = look.node.services.get(key);
    if (look.node.open.has(other.target)) return `it waits for ${key}, which is being worked on`;
    if (observed === undefined) return `it waits for ${key}, which is not started yet`;
    if (isAsWanted(wanted, other, observed)) continue;
    const present = observed.digest === wanted.serviceDigests[other.at];
    return `it waits for ${key}, which is ${present ? observed.status : "to be replaced"}`;
  }
  return undefined;
}
