/**
 * Whether a health check can be carried out: its probe, its times and its counts.
 */
import { checkCommand } from "./check-command.ts";
import { checkInteger } from "./check-integer.ts";
import type { Report } from "./check-labels.ts";
import { checkTemplate } from "./check-template.ts";
import { showText } from "./names.ts";
import type { HealthCheck } from "./role.ts";
import { parseTemplate } from "./template.ts";

export const PROBE_TEXT_BYTES_MAX = 2_048;

const TIMES_MS = {
  intervalMs: { min: 100, max: 3_600_000 },
  timeoutMs: { min: 10, max: 3_600_000 },
};
const COUNTS = { min: 1, max: 100 };
const HTTP_PATTERN = /^http:\/\/(\[[^\]/]+\]|[^/?#:@[]+)(?::([^/?#]*))?([/?][^\s#]*)?$/;
const HOST_PATTERN =
  /^([A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*|\[[0-9A-Fa-f:.]{2,45}\])$/;
const PORT_PATTERN = /^[0-9]{1,5}$/;
const PORT_MAX = 65_535;

export function checkHealth(health: HealthCheck, report: Report): void {
  checkInteger(health.intervalMs, TIMES_MS.intervalMs, (reason) => report(".intervalMs", reason));
  checkInteger(health.timeoutMs, TIMES_MS.timeoutMs, (reason) => report(".timeoutMs", reason));
  checkInteger(health.healthyAfter, COUNTS, (reason) => report(".healthyAfter", reason));
  checkInteger(health.unhealthyAfter, COUNTS, (reason) => report(".unhealthyAfter", reason));
  const { probe } = health;
  switch (probe.type) {
    case "http":
      checkUrl(probe.url, (reason) => report(".http.url", reason));
      return;
    case "tcp":
      checkText(probe.host, isHost, "a host", (reason) => report(".tcp.host", reason));
      checkText(probe.port, isPort, `a port from 1 to ${PORT_MAX}`, (reason) =>
        report(".tcp.port", reason),
      );
      return;
    case "exec":
      checkCommand(probe.command, (path, reason) => report(`.exec${path}`, reason));
      return;
    default:
      report("", "a health check needs one probe: http, tcp or exec");
  }
}

function checkUrl(url: string, report: (reason: string) => void): void {
  checkText(url, isUrl, "a URL such as http://127.0.0.1:8080/health; only http is probed", report);
}

/**
 * Checks a template by its shape with 1 in the place of every fact: what a fact gives is found out
 * on the node.
 */
function checkText(
  text: string,
  isRight: (text: string) => boolean,
  what: string,
  report: (reason: string) => void,
): void {
  let wrong = false;
  checkTemplate(text, PROBE_TEXT_BYTES_MAX, (reason) => {
    wrong = true;
    report(reason);
  });
  const parsed = parseTemplate(text);
  if (wrong || parsed.type === "failed") return;
  const shape = parsed.parts.map((part) => (part.type === "text" ? part.text : "1")).join("");
  if (!isRight(shape)) report(`${showText(text)} is not ${what}`);
}

/** Whether a rendered text is a URL that can be probed. */
export function isUrl(text: string): boolean {
  const [whole, host, port] = HTTP_PATTERN.exec(text) ?? [];
  return (
    whole !== undefined &&
    host !== undefined &&
    isHost(host) &&
    (port === undefined || isPort(port))
  );
}

function isHost(text: string): boolean {
  return text.length <= 253 + 2 && HOST_PATTERN.test(text);
}

function isPort(text: string): boolean {
  return PORT_PATTERN.test(text) && Number(text) >= 1 && Number(text) <= PORT_MAX;
}
