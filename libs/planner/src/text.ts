/**
 * Sentences for people, and their parts.
 */
import type { FailureCount, Order } from "@atoll/domain";

/** `what: reason`, or `what` alone when there is no reason. */
export function withReason(what: string, reason: string): string {
  return reason === "" ? what : `${what}: ${reason}`;
}

/** For example `web/app has failed 4 times in a row: exit status 1`. */
export function failuresText(subject: string, failures: FailureCount): string {
  const times = failures.count === 1 ? "once" : `${failures.count} times in a row`;
  return withReason(`${subject} has failed ${times}`, failures.reason);
}

/** For example `next try in 8 s`; below a second in milliseconds. */
export function nextTryText(atMs: number, nowMs: number): string {
  const leftMs = atMs - nowMs;
  if (leftMs <= 0) return "next try now";
  return `next try in ${durationText(leftMs)}`;
}

export function durationText(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.ceil(ms / 1_000)} s`;
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What is done by an order, for example `restarting web/app`. */
export function orderText(order: Order): string {
  switch (order.type) {
    case "writeFile":
      return `writing file ${order.file.path}`;
    case "removeFile":
      return `removing file ${order.path}`;
    case "startService":
      return `starting ${order.service.key}`;
    case "restartService":
      return `restarting ${order.service.key}`;
    case "stopService":
      return `stopping ${order.key}`;
  }
}

/** What an order is about, for example `web/app` or `file /etc/app.conf`. */
export function subjectOf(order: Order): string {
  switch (order.type) {
    case "writeFile":
      return `file ${order.file.path}`;
    case "removeFile":
      return `file ${order.path}`;
    case "startService":
    case "restartService":
      return order.service.key;
    case "stopService":
      return order.key;
  }
}
