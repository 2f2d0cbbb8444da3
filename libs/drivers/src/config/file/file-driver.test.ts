/** The file driver on real folders: whole writes, refusals, drift, giving back, crashes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { RenderedFile } from "@atoll/domain";
import { Prng } from "@atoll/stdx";
import { until } from "../../services/contract.ts";
import { type FileChange, FileDriver } from "./file-driver.ts";

interface Fixture {
  readonly driver: FileDriver;
  readonly root: string;
  readonly data: string;
  readonly changes: FileChange[];
  reopen(): Promise<FileDriver>;
}

/** @param checkIntervalMs long, so that what is seen at once is seen by notification. */
async function withDriver(
  body: (fixture: Fixture) => Promise<void>,
  checkIntervalMs = 60_000,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-file-"));
  const root = join(folder, "root");
  const data = join(folder, "data");
  await mkdir(root);
  const opened: FileDriver[] = [];
  const changes: FileChange[] = [];
  async function open(): Promise<FileDriver> {
    const driver = await FileDriver.open({
      rootFolder: root,
      dataFolder: data,
      checkIntervalMs,
      onDamagedRecord: (file, error) => assert.fail(`${file}: ${String(error)}`),
    });
    driver.onChange((change) => changes.push(change));
    opened.push(driver);
    return driver;
  }
  try {
    const driver = await open();
    const reopen = async (): Promise<FileDriver> => {
      await opened.at(-1)?.[Symbol.asyncDispose]();
      return await open();
    };
    await body({ driver, root, data, changes, reopen });
  } finally {
    for (const driver of opened) await driver[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

function file(path: string, content: string, more: Partial<RenderedFile> = {}): RenderedFile {
  return { path, content, mode: "0644", drift: "restore", digest: `of ${content}`, ...more };
}

test("write() makes folders, sets the mode and reports before it resolves", () =>
  withDriver(async ({ driver, root, changes }) => {
    const observation = await driver.write(file("/etc/app/app.conf", "a=1\n", { mode: "0640" }));
    assert.equal(await readFile(join(root, "etc/app/app.conf"), "utf8"), "a=1\n");
    assert.equal((await stat(join(root, "etc/app/app.conf"))).mode & 0o7777, 0o640);
    assert.deepEqual(observation, {
      path: "/etc/app/app.conf",
      digest: "of a=1\n",
      status: "inSync",
      diff: "",
      reason: "",
    });
    assert.deepEqual(changes, [{ type: "observed", observation }]);
    assert.deepEqual(readdirSync(join(root, "etc/app")), ["app.conf"]);
  }));

test("write() of several files in one new folder at once makes it once", () =>
  withDriver(async ({ driver, root }) => {
    const paths = Array.from({ length: 8 }, (_, at) => `/srv/deep/er/file-${at}`);
    await Promise.all(paths.map((path) => driver.write(file(path, "content\n"))));
    assert.equal(readdirSync(join(root, "srv/deep/er")).length, 8);
  }));

test("remove() deletes a file and the folders that were made for it", () =>
  withDriver(async ({ driver, root, changes }) => {
    await mkdir(join(root, "etc"));
    await driver.write(file("/etc/app/sub/a.conf", "a"));
    await driver.remove("/etc/app/sub/a.conf");
    assert.deepEqual(readdirSync(root), ["etc"]);
    assert.deepEqual(readdirSync(join(root, "etc")), []);
    assert.deepEqual(changes.at(-1), { type: "forgotten", path: "/etc/app/sub/a.conf" });
    assert.deepEqual(driver.list(), []);
  }));

test("remove() puts back what was there before the first write, across restarts", () =>
  withDriver(async ({ driver, root, reopen }) => {
    const path = join(root, "motd");
    await writeFile(path, "welcome\n");
    await chmod(path, 0o4711);
    await driver.write(file("/motd", "one"));
    await driver.write(file("/motd", "two"));
    await (await reopen()).remove("/motd");
    assert.equal(await readFile(path, "utf8"), "welcome\n");
    assert.equal((await stat(path)).mode & 0o7777, 0o4711);
  }));

test("remove() puts back a symbolic link as a link", () =>
  withDriver(async ({ driver, root }) => {
    await symlink("/run/elsewhere", join(root, "resolv.conf"));
    await driver.write(file("/resolv.conf", "nameserver"));
    assert.ok((await lstat(join(root, "resolv.conf"))).isFile());
    await driver.remove("/resolv.conf");
    assert.equal(await readlink(join(root, "resolv.conf")), "/run/elsewhere");
  }));

test("remove() of an unmanaged path leaves it alone", () =>
  withDriver(async ({ driver, root }) => {
    await writeFile(join(root, "mine"), "mine");
    await driver.remove("/mine");
    assert.equal(await readFile(join(root, "mine"), "utf8"), "mine");
  }));

test("write() refuses ways out of the root and odd paths", () =>
  withDriver(async ({ driver, root, data }) => {
    await symlink(data, join(root, "out"));
    await mkdir(join(root, "folder"));
    const refused = ["/out/a", "/../a", "a", "/a/../../b", "/a//b", "/a/", "/", "/a\0b", "/folder"];
    for (const path of refused) {
      await assert.rejects(driver.write(file(path, "x")), { code: "PATH_REFUSED" }, path);
    }
    assert.deepEqual(driver.list(), []);
    assert.ok(!existsSync(join(data, "a")));
  }));

test("write() follows links that stay inside the root", () =>
  withDriver(async ({ driver, root }) => {
    await mkdir(join(root, "run"));
    await symlink("run", join(root, "var"));
    await driver.write(file("/var/a", "x"));
    assert.equal(await readFile(join(root, "run/a"), "utf8"), "x");
  }));

test("write() says when an owner does not exist, and leaves everything as it was", () =>
  withDriver(async ({ driver, root }) => {
    await writeFile(join(root, "a"), "old");
    const spec = file("/a", "new", { owner: "no-such-user" });
    await assert.rejects(driver.write(spec), {
      code: "ACCOUNT_UNKNOWN",
      message: 'there is no user "no-such-user"',
    });
    assert.equal(await readFile(join(root, "a"), "utf8"), "old");
    assert.deepEqual(readdirSync(root), ["a"]);
  }));

test("write() sets owner and group where it may, else says that it may not", () =>
  withDriver(async ({ driver, root }) => {
    const spec = file("/a", "x", { owner: "daemon", group: "daemon" });
    if (process.getuid?.() !== 0) {
      await assert.rejects(driver.write(spec), { code: "NOT_PERMITTED" });
      return;
    }
    await driver.write(spec);
    assert.deepEqual(
      [(await stat(join(root, "a"))).uid, (await stat(join(root, "a"))).gid],
      [1, 1],
    );
    await driver.write(file("/a", "x", { mode: "4755", owner: "daemon" }));
    assert.equal((await stat(join(root, "a"))).mode & 0o7777, 0o4755);
  }));

test("a change by hand is seen at once, with a diff", () =>
  withDriver(async ({ driver, root }) => {
    await driver.write(file("/a.conf", "one\ntwo\n"));
    await writeFile(join(root, "a.conf"), "one\nTWO\n");
    await until(() => driver.list()[0]?.status === "drifted", "the change is seen");
    assert.deepEqual(driver.list(), [
      {
        path: "/a.conf",
        digest: "of one\ntwo\n",
        status: "drifted",
        diff: "--- wanted\n+++ found\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n",
        reason: "content differs",
      },
    ]);
    await writeFile(join(root, "a.conf"), "one\ntwo\n");
    await until(() => driver.list()[0]?.status === "inSync", "the repair is seen");
  }));

test("other kinds of drift are named", () =>
  withDriver(async ({ driver, root }) => {
    const path = join(root, "a");
    const steps: [() => Promise<unknown>, string, RegExp][] = [
      [() => chmod(path, 0o600), "drifted", /^mode is 0600, wanted 0644$/],
      [() => rm(path), "missing", /^$/],
      [() => rm(path).then(() => mkdir(path)), "drifted", /^is a folder$/],
      [() => rm(path).then(() => symlink("b", path)), "drifted", /link to b$/],
      [
        () => rm(path).then(() => writeFile(path, Buffer.of(0, 1))),
        "drifted",
        /^content is not text$/,
      ],
    ];
    for (const [change, status, reason] of steps) {
      if (existsSync(path)) await rm(path, { recursive: true });
      await driver.write(file("/a", "x"));
      await change();
      const holds = (): boolean => {
        const [seen] = driver.list();
        return seen?.status === status && reason.test(seen.reason);
      };
      await until(holds, `${status} ${String(reason)}`);
      await rm(path, { recursive: true, force: true });
    }
  }, 50));

test("a folder that is replaced whole is seen by the periodic look", () =>
  withDriver(async ({ driver, root }) => {
    await driver.write(file("/etc/a", "x"));
    await rename(join(root, "etc"), join(root, "old"));
    await until(() => driver.list()[0]?.status === "missing", "the file is missing");
    await mkdir(join(root, "etc"));
    await writeFile(join(root, "etc/a"), "y");
    await until(() => driver.list()[0]?.status === "drifted", "the other file is seen");
  }, 50));

test("a folder swapped for a link out of the root shows nothing of what is there", () =>
  withDriver(async ({ driver, root, data }) => {
    await driver.write(file("/etc/a", "x"));
    await writeFile(join(data, "a"), "secret");
    await rename(join(root, "etc"), join(root, "old"));
    await symlink(data, join(root, "etc"));
    await until(() => driver.list()[0]?.status === "drifted", "the swap is seen");
    assert.match(driver.list()[0]?.reason ?? "", /leads out of the root/);
    assert.ok(!JSON.stringify(driver.list()).includes("secret"));
    await assert.rejects(driver.write(file("/etc/a", "x")), { code: "PATH_REFUSED" });
    assert.equal(await readFile(join(data, "a"), "utf8"), "secret");
  }, 50));

test("a new driver knows what it manages, and what has changed meanwhile", () =>
  withDriver(async ({ driver, root, reopen }) => {
    await driver.write(file("/a", "x"));
    await driver.write(file("/b", "x"));
    await driver[Symbol.asyncDispose]();
    await writeFile(join(root, "b"), "y");
    const states = (await reopen()).list().map(({ path, status }) => `${path} ${status}`);
    assert.deepEqual(states, ["/a inSync", "/b drifted"]);
  }));

test("any series of writes, changes by hand and removals ends with what was there", async () => {
  for (let seed = 1; seed <= 8; seed += 1) {
    await withDriver(async ({ driver, root, reopen }) => {
      const random = new Prng(seed);
      const originals = new Map<string, string>();
      for (const name of ["a", "b"]) {
        originals.set(`/d/${name}`, `original ${name}`);
        await mkdir(join(root, "d"), { recursive: true });
        await writeFile(join(root, "d", name), `original ${name}`);
      }
      let current = driver;
      const paths = ["/d/a", "/d/b", "/d/c", "/e/f/g"];
      const wanted = new Map<string, string>();
      for (let step = 0; step < 40; step += 1) {
        const path = random.pick(paths);
        const draw = random.below(10);
        if (draw < 5) {
          const content = `content ${random.below(5)}`;
          await current.write(file(path, content));
          wanted.set(path, content);
        } else if (draw < 7) {
          await current.remove(path);
          wanted.delete(path);
        } else if (draw < 9 && wanted.has(path)) {
          await writeFile(join(root, path), "by hand");
          await current.write(file(path, wanted.get(path) as string));
        } else if (draw === 9) current = await reopen();
        for (const each of paths) {
          const text = existsSync(join(root, each)) ? readFileSync(join(root, each), "utf8") : null;
          assert.equal(text, wanted.get(each) ?? originals.get(each) ?? null, `seed ${seed}`);
        }
      }
      for (const path of paths) await current.remove(path);
      assert.deepEqual(readdirSync(root), ["d"]);
      assert.deepEqual(readdirSync(join(root, "d")), ["a", "b"]);
    });
  }
});

for (const delayMs of [0, 3, 7, 12, 20]) {
  test(`a driver killed while it writes leaves old or new, whole (${delayMs} ms)`, () =>
    withDriver(async ({ driver, root, data, reopen }) => {
      await writeFile(join(root, "a"), "original");
      await driver[Symbol.asyncDispose]();
      const script = `
        import { FileDriver } from ${JSON.stringify(import.meta.resolve("./file-driver.ts"))};
        const driver = await FileDriver.open({
          rootFolder: ${JSON.stringify(root)},
          dataFolder: ${JSON.stringify(data)},
          onDamagedRecord() {},
        });
        process.stdout.write("ready");
        for (let round = 0; ; round += 1) {
          const content = String(round % 10).repeat(100_000);
          const spec = { path: "/a", content, mode: "0644", drift: "restore", digest: content[0] };
          await driver.write(spec);
          if (round % 3 === 2) await driver.remove("/a");
        }`;
      const writer = spawn(
        process.execPath,
        ["--conditions=atoll-source", "--input-type=module", "-e", script],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      await once(writer.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      writer.kill("SIGKILL");
      await once(writer, "exit");
      const content = await readFile(join(root, "a"), "utf8");
      assert.match(content, /^(original|(\d)\2{99999})$/);
      const next = await reopen();
      await next.write(file("/a", "new"));
      await next.remove("/a");
      assert.equal(await readFile(join(root, "a"), "utf8"), "original");
    }));
}
