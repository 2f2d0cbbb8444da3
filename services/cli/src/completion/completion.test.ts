/** Tab completion: what can follow, and how the scripts of the shells ask for it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { startFakeGateway } from "../testing/fake-gateway.ts";
import { startFakeLab } from "../testing/fake-lab.ts";
import { runCommand } from "../testing/run-command.ts";

const BIN_DIR = fileURLToPath(new URL("../../../../bin", import.meta.url));

async function complete(gateway: string, line: string): Promise<string[]> {
  const words = line.split(" ");
  const result = await runCommand(["__complete", "--", ...words], { gateway });
  assert.equal(result.err, "");
  assert.equal(result.exitStatus, 0);
  return result.out.split("\n").filter((word) => word !== "");
}

test("completion offers commands, options, values and names that exist", async () => {
  await using gateway = await startFakeGateway();
  const { address } = gateway;
  assert.deepEqual(await complete(address, "no"), ["node"]);
  assert.deepEqual(await complete(address, "node l"), ["label", "list", "locate"]);
  assert.deepEqual(await complete(address, "node show "), ["n1", "n2", "n3"]);
  assert.deepEqual(await complete(address, "node assign n2 "), ["relay", "web"]);
  assert.deepEqual(await complete(address, "why "), ["node/n1", "node/n2", "node/n3"]);
  assert.deepEqual(await complete(address, "why node/n2"), ["node/n2"]);
  assert.deepEqual(await complete(address, "operation watch op-"), ["op-1", "op-2"]);
  assert.deepEqual(await complete(address, "node list --output "), ["json", "table", "yaml"]);
  assert.deepEqual(await complete(address, "node list --output = j"), ["json"]);
  assert.deepEqual(await complete(address, "event list --fo"), ["--follow"]);
  assert.deepEqual(await complete(address, "--timeout 3s action show n1-"), ["n1-7", "n1-9"]);
  assert.deepEqual(await complete(address, "apply -f "), [":files"]);
  assert.deepEqual(await complete(address, "completion "), ["bash", "fish", "zsh"]);
});

test("completion knows the datacenters of the lab, and needs no gateway for it", async () => {
  const labState = await mkdtemp(join(tmpdir(), "atoll-cli-lab-"));
  await using _lab = await startFakeLab(labState);
  const words = ["__complete", "--", "lab", "cut"];
  const complete = async (...typed: string[]): Promise<string> =>
    (await runCommand([...words, ...typed], { gateway: "127.0.0.1:1", labState })).out;
  assert.equal(await complete(""), "east\nwest\n");
  assert.equal(await complete("east", "w"), "west\n");
  await rm(labState, { recursive: true });
  assert.equal(await complete(""), "");
});

test("completion without a gateway is quick and silent", async () => {
  const beganMs = performance.now();
  assert.deepEqual(await complete("127.0.0.1:1", "node show "), []);
  assert.ok(performance.now() - beganMs < 3_000);
});

test("the script for bash completes in a real bash", async () => {
  await using gateway = await startFakeGateway();
  const script = `
    PATH="${BIN_DIR}:$PATH"
    source <(atoll completion bash)
    COMP_WORDS=(atoll node show n) COMP_CWORD=3
    _atoll
    printf '%s ' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)("bash", ["-c", script], {
    env: { ...process.env, ATOLL_GATEWAY: gateway.address },
  });
  assert.equal(stdout, "n1 n2 n3 ");
});
