/**
 * Whether one service of a role makes sense: its driver with what that driver needs, its
 * environment, its health check.
 */
import { checkCommand } from "./check-command.ts";
import type { Report } from "./check-labels.ts";
import { checkHealth } from "./check-health.ts";
import { checkInteger } from "./check-integer.ts";
import { checkTemplate } from "./check-template.ts";
import { checkName, showText } from "./names.ts";
import type { ServiceSpec } from "./role.ts";

export const ENVIRONMENT_MAX = 64;
export const ENVIRONMENT_VALUE_BYTES_MAX = 8_192;

const VARIABLE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const UNIT_PATTERN = /^[A-Za-z0-9:_.\\@-]{1,240}\.service$/;
const STOP_TIMEOUT_MS = { min: 100, max: 600_000 };

export function checkService(service: ServiceSpec, report: Report): void {
  const wrong = checkName("service", service.name);
  if (wrong !== undefined) report(".name", wrong);
  switch (service.driver) {
    case "process":
      if (service.unit !== "") report(".unit", "a unit is for driver systemd; this one is process");
      checkCommand(service.command, (path, reason) => report(`.command${path}`, reason));
      break;
    case "systemd":
      checkUnit(service, report);
      break;
    default: {
      const driver = showText(String(service.driver));
      report(".driver", `driver ${driver} is not known: allowed are process and systemd`);
    }
  }
  checkEnvironment(service.environment, (path, reason) => report(`.environment${path}`, reason));
  checkInteger(service.stopTimeoutMs, STOP_TIMEOUT_MS, (reason) =>
    report(".stopTimeoutMs", reason),
  );
  if (service.health !== undefined) {
    checkHealth(service.health, (path, reason) => report(`.health${path}`, reason));
  }
}

function checkUnit(service: ServiceSpec, report: Report): void {
  if (service.command.length > 0)
    report(".command", "a command is for driver process; this one is systemd");
  if (Object.keys(service.environment).length > 0) {
    report(".environment", "the environment of a systemd unit is set in the unit");
  }
  if (!UNIT_PATTERN.test(service.unit)) {
    report(".unit", `${showText(service.unit)} is not the name of a unit such as nginx.service`);
  }
}

function checkEnvironment(environment: Readonly<Record<string, string>>, report: Report): void {
  const names = Object.keys(environment);
  if (names.length > ENVIRONMENT_MAX) {
    report("", `${names.length} variables are too many: at most ${ENVIRONMENT_MAX}`);
  }
  for (const name of names.slice(0, ENVIRONMENT_MAX)) {
    if (!VARIABLE_PATTERN.test(name)) {
      report(`[${showText(name)}]`, `${showText(name)} is not the name of a variable`);
      continue;
    }
    checkTemplate(environment[name] as string, ENVIRONMENT_VALUE_BYTES_MAX, (reason) =>
      report(`.${name}`, reason),
    );
  }
}
