/**
 * Golden outputs: each file of test/data/cli holds commands with everything they print.
 *
 * A line that begins with `$ ` is a command; what follows up to `----` lines is its output.
 * `REWRITE=1` writes the files anew; the difference is reviewed as code. Outputs are of a fixed
 * moment, so they never change by themselves.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startFakeGateway, type FakeGateway } from "./testing/fake-gateway.ts";
import { startFakeLab } from "./testing/fake-lab.ts";
import { runCommand, type CommandResult } from "./testing/run-command.ts";

process.env["TZ"] = "UTC";
const DATA_DIR = fileURLToPath(new URL("../../../test/data/cli/", import.meta.url));
const REWRITE = process.env["REWRITE"] === "1";

let gateway: FakeGateway;
let folder: string;
let lab: AsyncDisposable;

before(async () => {
  gateway = await startFakeGateway();
  folder = await mkdtemp(join(tmpdir(), "atoll-cli-"));
  await writeFile(join(folder, "web.yaml"), "name: web\n");
  await writeFile(join(folder, "bad.yaml"), "name: nonsense\n");
  lab = await startFakeLab(join(folder, "lab"));
  for (const [name, control] of Object.entries({ stopped: null, foreign: "10.0.0.1:7402" })) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "lab.json"), JSON.stringify({ control }));
  }
});

after(async () => {
  await gateway[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

for (const name of (await readdir(DATA_DIR)).toSorted()) {
  test(`outputs of ${name}`, async () => {
    const path = join(DATA_DIR, name);
    const golden = await readFile(path, "utf8");
    const actual = await replay(golden);
    if (REWRITE) await writeFile(path, actual);
    else assert.equal(actual, golden);
  });
}

/** The same file with the outputs as they are now. */
async function replay(golden: string): Promise<string> {
  const lines: string[] = [];
  for (const line of golden.split("\n")) {
    if (line.startsWith("# ")) lines.push(line);
    if (!line.startsWith("$ ")) continue;
    lines.push("", line, ...describe(await run(line)), "----");
  }
  return `${lines.join("\n")}\n`;
}

/** `$ [tty] [no-color] atoll WORDS…`; a quoted part is one word. */
async function run(line: string): Promise<CommandResult> {
  const words = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ""));
  const start = words.indexOf("atoll");
  const settings = words.slice(0, start);
  return runCommand(
    words.slice(start + 1).map((word) => word.replace("FOLDER", folder)),
    {
      gateway: settings.includes("no-gateway") ? "127.0.0.1:1" : gateway.address,
      labState: join(folder, "lab"),
      isTerminal: settings.includes("tty"),
      ...(settings.includes("tty") ? { columns: 90 } : {}),
      ...(settings.includes("no-color") ? { noColor: "1" } : {}),
      input: "name: web\n",
    },
  );
}

function describe(result: CommandResult): string[] {
  const shown = (text: string): string =>
    // Only escapes of our own may be there; they show as <31>.
    text
      .replaceAll(/\u001b\[([0-9]*)m/g, "<$1>")
      .replaceAll("\r\u001b[K", "<erase line>")
      .replaceAll(folder, "FOLDER")
      .replaceAll(gateway.address, "GATEWAY")
      .trimEnd();
  const parts = [shown(result.out)];
  if (result.err !== "") parts.push("stderr:", shown(result.err));
  if (result.exitStatus !== 0) parts.push(`exit status ${result.exitStatus}`);
  return parts.filter((part) => part !== "").flatMap((part) => part.split("\n"));
}
