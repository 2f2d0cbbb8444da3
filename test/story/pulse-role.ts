/**
 * A role of many tiny services, made for measuring: killing each once gives a sample without any
 * backoff.
 *
 * Each service writes a line to a file of its own when it is started, so that what Atoll says it
 * did can be compared with what happened.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stage } from "./stage.ts";

export const PULSE_COUNT = 20;
export const PULSE_ROLE = "pulse";

export function pulseKeys(): string[] {
  return Array.from(
    { length: PULSE_COUNT },
    (_, at) => `${PULSE_ROLE}/s${String(at + 1).padStart(2, "0")}`,
  );
}

/** Writes the role to a file and returns its path. */
export function writePulseRole(stage: Stage): string {
  const services = pulseKeys().map((key) => {
    const name = key.slice(PULSE_ROLE.length + 1);
    const command = `echo $$ >> ${startsFile(key)}; exec sleep 1000000`;
    return [
      `  - name: ${name}`,
      `    command: [sh, -c, ${JSON.stringify(command)}]`,
      `    stopTimeoutMs: 1000`,
      ``,
    ].join("\n");
  });
  const path = join(stage.stateDir, "pulse.yaml");
  const head = [
    "kind: Role",
    `name: ${PULSE_ROLE}`,
    "match: { labels: { tier: web } }",
    "services:",
  ];
  writeFileSync(path, `${head.join("\n")}\n${services.join("")}`);
  return path;
}

/** The pids with which a service was started on a node, in order. */
export function startedPids(stage: Stage, node: string, key: string): number[] {
  try {
    const text = readFileSync(join(stage.rootDir(node), startsFile(key)), "utf8");
    return text.trim().split("\n").map(Number);
  } catch {
    return [];
  }
}

function startsFile(key: string): string {
  return `starts-${key.replace("/", "-")}`;
}
