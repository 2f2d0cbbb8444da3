/** Which of two disks the log goes on with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NOWHERE, SimulatedAgentDisk } from "./simulated-agent-disk.ts";

const FACT = { type: "fileForgotten", observedAtMs: 1, path: "/etc/app.conf" } as const;

test("isHeldBy() tells copies apart, and lives of one disk", () => {
  const disk = new SimulatedAgentDisk("n1");
  disk.beginBoot();
  disk.store(FACT);
  const { incarnation, last } = disk;
  const copy = disk.copy("n1-twin");
  assert.equal(disk.isHeldBy(undefined), false);
  for (const each of [disk, copy]) {
    assert.equal(each.isHeldBy({ incarnation, watermark: last }), true, "before they part");
    each.beginBoot();
    each.store(FACT);
  }
  for (const [own, other] of [
    [disk, copy],
    [copy, disk],
  ] as const) {
    assert.equal(own.isHeldBy({ incarnation, watermark: own.last }), true);
    assert.equal(own.isHeldBy({ incarnation, watermark: other.last }), false);
  }
  disk.startOver();
  assert.equal(disk.isHeldBy({ incarnation, watermark: last }), false);
  assert.equal(disk.isHeldBy({ incarnation, watermark: NOWHERE }), false);
  assert.equal(disk.isHeldBy({ incarnation: disk.incarnation, watermark: NOWHERE }), true);
  assert.equal(disk.isHeldBy({ incarnation: disk.incarnation, watermark: disk.last }), true);
});
