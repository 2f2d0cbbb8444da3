/**
 * Reflection: the shipped descriptors are those of the sources, and hold every service.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { OperationalError } from "@atoll/service-kit";
import { splitFiles } from "./reflection.ts";

const ROOT = join(import.meta.dirname, "../../..");

test("the shipped descriptors are what the sources give", async () => {
  const shipped = await readFile(
    fileURLToPath(import.meta.resolve("@atoll/proto/descriptors.binpb")),
  );
  const { stdout } = await promisify(execFile)(
    join(ROOT, "node_modules/.bin/buf"),
    ["build", "--exclude-source-info", "-o", "-#format=binpb"],
    { cwd: ROOT, encoding: "buffer", maxBuffer: 16 * 1_048_576 },
  );
  assert.ok(
    stdout.equals(shipped),
    "run: buf build --exclude-source-info -o libs/proto/descriptors.binpb",
  );
});

test("splitFiles() gives every file, and refuses a damaged set", async () => {
  const shipped = await readFile(
    fileURLToPath(import.meta.resolve("@atoll/proto/descriptors.binpb")),
  );
  const names = splitFiles(shipped).map((file) => file.subarray(2, 2 + (file[1] ?? 0)).toString());
  assert.ok(names.includes("atoll/v1/node.proto"), names.join());
  assert.ok(names.includes("grpc/health/v1/health.proto"), names.join());
  assert.throws(() => splitFiles(shipped.subarray(0, shipped.length - 1)), OperationalError);
  assert.throws(() => splitFiles(Buffer.from([1, 2, 3])), OperationalError);
});
