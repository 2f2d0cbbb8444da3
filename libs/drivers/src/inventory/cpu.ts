/**
 * The processors, as the kernel counts them.
 */
import type { Cpu, Reading } from "@atoll/domain";
import { known, unknown } from "@atoll/domain";
import { firstKnown, textReading, type Tree } from "./reading.ts";

const CPUS = "/sys/devices/system/cpu";
/** More is a broken range. */
const THREADS_MAX = 65_536;

/** @param architecture the kernel's name of it, as `uname -m` says. */
export function readCpu(tree: Tree, architecture: Reading<string>): Cpu {
  const online = onlineThreads(tree);
  return {
    model: readModel(tree),
    architecture,
    sockets: countDistinct(tree, online, ["physical_package_id"]),
    cores: firstKnown(
      () => countDistinct(tree, online, ["core_cpus_list"]),
      () => countDistinct(tree, online, ["thread_siblings_list"]),
      () => countDistinct(tree, online, ["physical_package_id", "core_id"]),
    ),
    threads: online.type === "known" ? known(online.value.length) : online,
  };
}

function readModel(tree: Tree): Reading<string> {
  const raw = tree.raw("/proc/cpuinfo");
  if (raw.type === "unknown") return raw;
  const text = new TextDecoder().decode(raw.value);
  // x86 and s390, RISC-V, older ARM, POWER.
  for (const name of ["model name", "uarch", "Processor", "cpu model", "cpu"]) {
    const found = new RegExp(`^${name}[ \\t]*:[ \\t]*(.+)$`, "m").exec(text);
    if (found !== null) return textReading(found[1] as string, "/proc/cpuinfo");
  }
  const part = /^CPU part[ \t]*:[ \t]*(0x[0-9a-f]+)$/m.exec(text)?.[1];
  const maker = /^CPU implementer[ \t]*:[ \t]*(0x[0-9a-f]+)$/m.exec(text)?.[1];
  if (part !== undefined && maker !== undefined) {
    return known(`ARM implementer ${maker} part ${part}`);
  }
  return unknown("/proc/cpuinfo names no model");
}

function onlineThreads(tree: Tree): Reading<readonly number[]> {
  const list = tree.raw(`${CPUS}/online`);
  if (list.type === "unknown") return list;
  const text = new TextDecoder().decode(list.value).trim();
  const threads: number[] = [];
  for (const part of text.split(",")) {
    const found = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (found === null) return unknown(`${CPUS}/online is not a list: ${text.slice(0, 64)}`);
    const last = Number(found[2] ?? found[1]);
    if (last >= THREADS_MAX) return unknown(`${CPUS}/online is out of range`);
    for (let thread = Number(found[1]); thread <= last; thread += 1) threads.push(thread);
  }
  return known(threads);
}

/** How many different values the attributes have over all threads. */
function countDistinct(
  tree: Tree,
  threads: Reading<readonly number[]>,
  attributes: readonly string[],
): Reading<number> {
  if (threads.type === "unknown") return threads;
  const seen = new Set<string>();
  for (const thread of threads.value) {
    const values: string[] = [];
    for (const attribute of attributes) {
      const path = `${CPUS}/cpu${thread}/topology/${attribute}`;
      const value = tree.raw(path);
      if (value.type === "unknown") return value;
      const text = new TextDecoder().decode(value.value).trim();
      if (text === "" || text === "-1") return unknown(`${path} says that it is not known`);
      values.push(text);
    }
    seen.add(values.join("/"));
  }
  return known(seen.size);
}
