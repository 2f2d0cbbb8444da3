/**
 * Whether one role makes sense by itself.
 */
import { nearest } from "@atoll/stdx";
import { checkLabels, checkLocation, isPrintable } from "./check-labels.ts";
import type { Report } from "./check-labels.ts";
import { checkInteger } from "./check-integer.ts";
import { checkPath } from "./check-path.ts";
import { checkService } from "./check-service.ts";
import { checkTemplate } from "./check-template.ts";
import { checkName, showText } from "./names.ts";
import { FILES_PER_ROLE_MAX, SERVICES_PER_ROLE_MAX, TEMPLATE_BYTES_MAX } from "./role.ts";
import type { FileSpec, HardwareMatch, RoleSpec } from "./role.ts";
import { findCycle } from "./service-order.ts";

export const DESCRIPTION_LENGTH_MAX = 500;

const MODE_PATTERN = /^[0-7]{4}$/;
const ACCOUNT_PATTERN = /^([a-z_][a-z0-9_-]{0,31}|[0-9]{1,10})$/;
const ARCHITECTURE_PATTERN = /^[a-z0-9_-]{1,32}$/;

export function checkRole(role: RoleSpec, report: Report): void {
  const wrong = checkName("role", role.name);
  if (wrong !== undefined) report("name", wrong);
  if (role.description.length > DESCRIPTION_LENGTH_MAX || !isPrintable(role.description)) {
    report(
      "description",
      `the description may have up to ${DESCRIPTION_LENGTH_MAX} printable characters`,
    );
  }
  if (role.drift !== "restore" && role.drift !== "report") {
    report("drift", `drift is ${showText(String(role.drift))}: allowed are restore and report`);
  }
  if (role.match !== undefined) {
    checkLabels(role.match.labels, (path, reason) => report(`match.labels${path}`, reason));
    checkLocation(role.match.location, (path, reason) => report(`match.location${path}`, reason));
    checkHardware(role.match.hardware, (path, reason) => report(`match.hardware${path}`, reason));
  }
  checkFiles(role, report);
  checkServices(role, report);
}

function checkHardware(hardware: HardwareMatch, report: Report): void {
  const { architecture, coresMin, memoryMibMin, disksMin } = hardware;
  if (architecture !== undefined && !ARCHITECTURE_PATTERN.test(architecture)) {
    report(
      ".architecture",
      `${showText(architecture)} is no architecture; examples: x86_64, aarch64`,
    );
  }
  const counts = { coresMin, memoryMibMin, disksMin };
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined) {
      checkInteger(value, { min: 0, max: 1_000_000_000 }, (reason) => report(`.${name}`, reason));
    }
  }
}

function checkFiles(role: RoleSpec, report: Report): void {
  if (role.files.length > FILES_PER_ROLE_MAX) {
    report("files", `${role.files.length} files are too many: at most ${FILES_PER_ROLE_MAX}`);
  }
  const all = role.files.slice(0, FILES_PER_ROLE_MAX);
  for (const [at, file] of all.entries()) {
    checkFile(file, (path, reason) => report(`files[${at}]${path}`, reason));
  }
}

function checkFile(file: FileSpec, report: Report): void {
  const wrong = checkPath(file.path);
  if (wrong !== undefined) report(".path", wrong);
  if (!MODE_PATTERN.test(file.mode)) {
    report(".mode", `mode ${showText(file.mode)} is not four octal digits such as 0644`);
  }
  for (const part of ["owner", "group"] as const) {
    const account = file[part];
    if (account !== undefined && !ACCOUNT_PATTERN.test(account)) {
      report(`.${part}`, `${showText(account)} is neither the name nor the number of an account`);
    }
  }
  checkTemplate(file.template, TEMPLATE_BYTES_MAX, (reason) => report(".template", reason));
}

function checkServices(role: RoleSpec, report: Report): void {
  if (role.services.length > SERVICES_PER_ROLE_MAX) {
    report(
      "services",
      `${role.services.length} services are too many: at most ${SERVICES_PER_ROLE_MAX}`,
    );
  }
  const services = role.services.slice(0, SERVICES_PER_ROLE_MAX);
  const names = services.map((service) => service.name);
  const paths = role.files.map((file) => file.path);
  for (const [at, service] of services.entries()) {
    const here = `services[${at}]`;
    checkService(service, (path, reason) => report(`${here}${path}`, reason));
    if (names.indexOf(service.name) < at) {
      report(`${here}.name`, `there is another service ${service.name} in this role`);
    }
    checkReferences(service.after, names, "service", (index, reason) =>
      report(`${here}.after[${index}]`, reason),
    );
    checkReferences(service.restartOn, paths, "file", (index, reason) =>
      report(`${here}.restartOn[${index}]`, reason),
    );
  }
  const cycle = findCycle(services);
  if (cycle !== undefined) {
    const at = names.indexOf(cycle[0] as (typeof names)[number]);
    report(`services[${at}].after`, `services wait for each other: ${cycle.join(" → ")}`);
  }
}

function checkReferences(
  references: readonly string[],
  known: readonly string[],
  what: string,
  report: (index: number, reason: string) => void,
): void {
  for (const [index, reference] of references.entries()) {
    if (references.indexOf(reference) < index)
      report(index, `${showText(reference)} is named twice`);
    if (known.includes(reference)) continue;
    const near = nearest(reference.slice(0, 256), known);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    report(index, `this role has no ${what} ${showText(reference)}${hint}`);
  }
}
