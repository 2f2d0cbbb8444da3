/**
 * Makes a fresh clone ready to run: npm packages, the Node runtime that the project pins, and
 * nats-server.
 *
 * Plain JavaScript that the machine's own Node 20 runs with nothing installed, so it imports
 * nothing but Node itself. Doing it again costs a few milliseconds. It never changes what is
 * already right, and never asks a question: what it may not do it says in one line, as a
 * `SetupError`. Called by start.mjs and test.mjs, or by hand: `node scripts/setup.mjs`.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NODE_MAJOR_MIN = 24;
const ADMIN_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin"];
const root = fileURLToPath(new URL("..", import.meta.url));

/** Something that only the user can put right. `message` is one line that says what to do. */
export class SetupError extends Error {
  name = "SetupError";
  code = "SETUP";
}

/**
 * Does whatever is missing.
 *
 * @param {{ log?: (line: string) => void }} options `log` is told before each step that takes time.
 * @returns {Promise<{ node: string, natsServer: string }>} absolute paths of Node 24 and
 *   nats-server.
 */
export async function ensureEverything({ log = () => {} } = {}) {
  await ensurePackages({ log });
  const node = findNode();
  const natsServer = await ensureNatsServer({ log });
  return { node, natsServer };
}

/** Installs npm packages when they are missing or differ from package-lock.json. */
export async function ensurePackages({ log = () => {} } = {}) {
  const reason = staleBecause();
  if (reason === undefined) return;
  log(`installing npm packages (${reason}) …`);
  const quietly = ["--ignore-scripts", "--no-fund", "--no-audit"];
  let result = await run(...npmCommand(["ci", ...quietly]));
  if (result.code !== 0 && /^npm error code EUSAGE$/m.test(result.output)) {
    // A lock file made where a registry lacks packages of other platforms does not name them, and
    // `npm ci` refuses it. `npm install` takes the same versions from it, and leaves it alone.
    log("the lock file does not name every platform's packages; installing what it names …");
    result = await run(...npmCommand(["install", "--no-save", ...quietly]));
  }
  if (result.code !== 0) {
    throw new SetupError(`npm could not install the packages: ${lastWords(result.output)}`);
  }
}

/** The path of a Node that can run the sources: the pinned one, else this process's own. */
export function findNode() {
  const pinned = join(root, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  if (existsSync(pinned) && spawnSync(pinned, ["--version"]).status === 0) return pinned;
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  throw new SetupError(
    `no Node ${NODE_MAJOR_MIN} is pinned for ${process.platform}-${process.arch}: ` +
      `install Node ${NODE_MAJOR_MIN} or newer and run this again with it`,
  );
}

/** The path of nats-server; installs Debian's package where there is none and it may. */
export async function ensureNatsServer({ log = () => {} } = {}) {
  const found = findProgram("nats-server");
  if (found !== undefined) return found;
  const advice = "install nats-server 2.9 or newer, on Debian: sudo apt-get install nats-server";
  if (findProgram("apt-get") === undefined) throw new SetupError(advice);
  const asRoot = rootPrefix();
  if (asRoot === undefined) throw new SetupError(advice);
  log("installing nats-server from the distribution's packages …");
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  const lock = ["-o", "DPkg::Lock::Timeout=120"];
  await run([...asRoot, "apt-get", ...lock, "-q", "update"], environment);
  const install = [...asRoot, "apt-get", ...lock, "-q", "-y", "--no-install-recommends"];
  const result = await run([...install, "install", "nats-server"], environment);
  const installed = findProgram("nats-server");
  if (result.code !== 0 || installed === undefined) {
    throw new SetupError(`${advice} (tried, but: ${lastWords(result.output)})`);
  }
  await stopPackagedService(asRoot, log);
  return installed;
}

/** Debian's package starts a server of its own on the default port, which nobody asked for. */
async function stopPackagedService(asRoot, log) {
  if (!existsSync("/run/systemd/system")) return;
  log("stopping the nats-server service that the package brings; Atoll starts its own …");
  await run([...asRoot, "systemctl", "disable", "--now", "nats-server.service"]);
}

/** What in node_modules differs from package-lock.json, for people; undefined when nothing does. */
function staleBecause() {
  const wanted = readLock(join(root, "package-lock.json"));
  if (wanted === undefined) throw new SetupError("package-lock.json is missing: clone again");
  const present = readLock(join(root, "node_modules/.package-lock.json"));
  if (present === undefined) return "none are there";
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const other = present[path];
    if (other === undefined) {
      if (entry.optional === true || entry.devOptional === true) continue;
      return `${path} is missing`;
    }
    if (other.version !== entry.version || other.integrity !== entry.integrity) {
      return `${path} is another version`;
    }
    if (entry.link === true && !existsSync(join(root, path))) return `${path} is missing`;
  }
  return undefined;
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** npm as this process was started by it, else npm from the PATH. */
function npmCommand(words) {
  const script = process.env["npm_execpath"];
  if (script !== undefined && script.endsWith(".js") && existsSync(script)) {
    return [[process.execPath, script, ...words]];
  }
  const npm = findProgram("npm");
  if (npm === undefined) throw new SetupError("npm is not on the PATH: install npm 9 or newer");
  return [[npm, ...words]];
}

/** What to put before a command to run it as root; undefined when it may not. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram("sudo");
  if (sudo !== undefined && spawnSync(sudo, ["-n", "true"]).status === 0) return [sudo, "-n"];
  return undefined;
}

/** The path of a program on the PATH or in the folders where Debian keeps servers. */
export function findProgram(name) {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const folder of [...folders, ...ADMIN_FOLDERS]) {
    const path = join(folder, name);
    if (existsSync(path)) return path;
  }
  return undefined;
}

/** Runs a command in the project's folder; resolves with its exit code and all it wrote. */
function run(command, environment = {}) {
  const [program, ...words] = command;
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const take = (chunk) => {
      output = (output + chunk).slice(-65_536);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => resolve({ code: 127, output: error.message }));
    child.on("close", (code, signal) => {
      resolve({ code: code ?? 128 + (osConstants.signals[signal] ?? 0), output });
    });
  });
}

/** What a failed command said last, in one line and without npm's advice about itself. */
function lastWords(output) {
  const lines = output.split("\n").map((line) => line.replace(/^npm error/, "").trim());
  const advice = /^(npm warn|Run "npm help|A complete log|aliases:|$)/;
  const words = lines.filter((line) => !advice.test(line)).slice(-3);
  return words.length === 0 ? "it said nothing" : words.join("; ");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    const { node, natsServer } = await ensureEverything({ log: (line) => console.log(line) });
    console.log(`ready: ${node}, ${natsServer}`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
