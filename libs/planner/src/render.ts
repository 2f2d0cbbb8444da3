/**
 * Files and services rendered for one node, with the digests that tell one specification from
 * another.
 *
 * The digest of a service takes in those of the files in `restartOn`: when one of them changes,
 * another instance is wanted. Called when a node's wanted digests are computed, and again when an
 * order is made, so that nothing rendered need be kept.
 */
import type {
  FileSpec,
  HealthCheck,
  HealthProbe,
  RenderedFile,
  RenderedService,
  RoleState,
  ServiceKey,
  ServiceSpec,
} from "@atoll/domain";
import { canonicalJson, digestText, sortedEntries } from "@atoll/stdx";
import { factsOfText, fillText } from "./template-text.ts";

/** Values of all facts that the rendered templates ask for. */
export type FactValues = ReadonlyMap<string, string>;

type Unsealed = Omit<RenderedFile, "digest" | "drift">;

export function fileFacts(spec: FileSpec): readonly string[] {
  return factsOfText(spec.template);
}

export function serviceFacts(spec: ServiceSpec): readonly string[] {
  const texts = [...spec.command, ...Object.values(spec.environment)];
  if (spec.health !== undefined) texts.push(...probeTexts(spec.health.probe));
  return texts.flatMap(factsOfText);
}

export function renderFile(spec: FileSpec, facts: FactValues): Unsealed {
  return {
    path: spec.path,
    content: fillText(spec.template, facts),
    mode: spec.mode,
    ...(spec.owner === undefined ? {} : { owner: spec.owner }),
    ...(spec.group === undefined ? {} : { group: spec.group }),
  };
}

export function fileDigest(file: Unsealed): string {
  return digestText(canonicalJson(file));
}

/** The whole file as an agent gets it. */
export function sealFile(spec: FileSpec, role: RoleState, facts: FactValues): RenderedFile {
  const file = renderFile(spec, facts);
  return { ...file, drift: role.spec.drift, digest: fileDigest(file) };
}

/**
 * The whole service as an agent gets it. `restartDigests` are those of the files in
 * `restartOn`, in its order.
 */
export function sealService(
  spec: ServiceSpec,
  key: ServiceKey,
  facts: FactValues,
  restartDigests: readonly string[],
): RenderedService {
  const environment: Record<string, string> = {};
  for (const [name, value] of sortedEntries(spec.environment)) {
    environment[name] = fillText(value, facts);
  }
  const service = {
    key,
    driver: spec.driver,
    command: spec.command.map((part) => fillText(part, facts)),
    unit: spec.unit,
    environment,
    ...(spec.health === undefined ? {} : { health: renderHealth(spec.health, facts) }),
    stopTimeoutMs: spec.stopTimeoutMs,
  };
  const digest = digestText(canonicalJson({ service, restartOn: restartDigests }));
  return { ...service, digest };
}

function renderHealth(health: HealthCheck, facts: FactValues): HealthCheck {
  return { ...health, probe: renderProbe(health.probe, facts) };
}

function renderProbe(probe: HealthProbe, facts: FactValues): HealthProbe {
  switch (probe.type) {
    case "http":
      return { type: "http", url: fillText(probe.url, facts) };
    case "tcp":
      return {
        type: "tcp",
        host: fillText(probe.host, facts),
        port: fillText(probe.port, facts),
      };
    case "exec":
      return { type: "exec", command: probe.command.map((part) => fillText(part, facts)) };
  }
}

function probeTexts(probe: HealthProbe): readonly string[] {
  switch (probe.type) {
    case "http":
      return [probe.url];
    case "tcp":
      return [probe.host, probe.port];
    case "exec":
      return probe.command;
  }
}
