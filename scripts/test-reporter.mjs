/**
 * A reporter for node:test that is silent about what passes.
 *
 * Yields each failure with its place and reason, and as its last line the counts as JSON behind a
 * mark that test.mjs looks for. A suite or file counts by its tests, not by itself.
 */
export const COUNTS_MARK = "atoll-test-counts:";

/** How much of what a file wrote is kept, to be shown should the file as a whole fail. */
const WRITTEN_LENGTH_MAX = 4_000;

export default async function* report(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const slowest = [];
  const written = new Map();
  for await (const { type, data } of events) {
    if (type === "test:pass" && isTest(data)) {
      if (data.skip !== undefined || data.todo !== undefined) {
        counts.skipped += 1;
        yield `  skipped: ${data.name} (${data.skip ?? data.todo})\n`;
      } else {
        counts.passed += 1;
        slowest.push({ name: data.name, ms: data.details.duration_ms });
      }
    } else if (type === "test:fail" && isTest(data)) {
      counts.failed += 1;
      yield `  ✗ ${data.name}\n    ${place(data)}\n${indented(reason(data.details.error))}\n`;
      if (data.name === data.file) yield `${indented(written.get(data.file) ?? "")}\n`;
    } else if (/^test:(?:stderr|stdout|diagnostic)$/.test(type)) {
      const before = written.get(data.file) ?? "";
      written.set(data.file, (before + data.message).slice(-WRITTEN_LENGTH_MAX));
      if (/^seed/i.test(data.message)) yield `  ${data.message.trimEnd()}\n`;
    }
  }
  slowest.sort((left, right) => right.ms - left.ms);
  for (const { name, ms } of slowest.slice(0, 3)) {
    if (ms > 10_000) yield `  slow: ${name} ${(ms / 1000).toFixed(1)} s\n`;
  }
  yield `${COUNTS_MARK}${JSON.stringify(counts)}\n`;
}

/** A file that could not even be loaded counts as a test; a suite and a file that ran do not. */
function isTest(data) {
  if (data.details?.type === "suite") return false;
  const failedWithin = data.details?.error?.failureType === "subtestsFailed";
  return !failedWithin;
}

function place(data) {
  return data.file === undefined ? "" : `${data.file}:${data.line ?? 1}`;
}

function reason(error) {
  const cause = error?.cause;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  if (typeof cause === "string") return cause;
  return error?.stack ?? String(error);
}

function indented(text) {
  const lines = text.split("\n").slice(0, 40);
  return lines.map((line) => `      ${line}`).join("\n");
}
