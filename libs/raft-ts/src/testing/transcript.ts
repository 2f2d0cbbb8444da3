/**
 * Runs a transcript: commands in a text file, each followed by what the group did.
 *
 * A file begins with comments that tell its story. A block is one or more command lines, a line
 * `----`, and the output up to an empty line. The runner gives the same file with fresh output,
 * so a test compares whole files and a rewrite is a write. Commands:
 *
 *     group 1 2 3 [setting=number ...]
 *     log ID terms=1,1,2 term=T vote=V        before anything else happens
 *     tick ID [COUNT]         timeout ID      settle [but ID ...]
 *     deliver [FROM>TO] [TYPE]                drop [FROM>TO] [TYPE]
 *     persist ID [COUNT]      restart ID      snapshot ID BYTES
 *     propose ID TEXT ...     read ID NUMBER  transfer ID TO
 *     lost ID PEER            stalled ID      show
 */
import { assert, Bug } from "@atoll/stdx";
import type { ReplicaId } from "../entry.ts";
import type { Input } from "../input.ts";
import type { Message } from "../message.ts";
import type { RaftSettings } from "../settings.ts";
import type { InitialLog } from "./manual-group.ts";
import { ManualGroup } from "./manual-group.ts";

/** The text with the output of each block as it is now. */
export function runTranscript(text: string): string {
  const runner = new TranscriptRunner();
  const out: string[] = [];
  let commands: string[] = [];
  let skipping = false;
  for (const line of text.trimEnd().split("\n")) {
    if (line === "----") {
      out.push(line, ...commands.flatMap((command) => runner.run(command)));
      commands = [];
      skipping = true;
    } else if (line === "") {
      skipping = false;
      out.push(line);
    } else if (!skipping) {
      out.push(line);
      if (!line.startsWith("#")) commands.push(line);
    }
  }
  assert(commands.length === 0, `no ---- after ${commands.join(", ")}`);
  return `${out.join("\n")}\n`;
}

class TranscriptRunner {
  #voters: ReplicaId[] = [];
  #settings: Partial<RaftSettings> = {};
  readonly #logs = new Map<ReplicaId, InitialLog>();
  #group: ManualGroup | undefined;
  #nextProposal = 1;

  /** The lines that one command causes. */
  run(command: string): string[] {
    const words = command.split(/\s+/);
    const name = words[0] as string;
    if (name === "group") {
      this.#found(words.slice(1));
      return ["ok"];
    }
    if (name === "log") {
      this.#logs.set(Number(words[1]), initialLog(words.slice(2)));
      return ["ok"];
    }
    const settings = this.#settings;
    this.#group ??= new ManualGroup(this.#voters, { settings, logs: this.#logs });
    const before = this.#group.lines.length;
    const said = name === "show" ? this.#show(this.#group) : this.#act(this.#group, name, words);
    const happened = [...this.#group.lines.slice(before), ...said];
    return happened.length > 0 ? happened : ["nothing"];
  }

  #found(words: readonly string[]): void {
    this.#voters = words.filter((word) => /^\d+$/.test(word)).map(Number);
    const settings = words.filter((word) => word.includes("="));
    this.#settings = Object.fromEntries(
      settings.map((word) => {
        const [name, value] = word.split("=") as [string, string];
        return [name, Number(value)];
      }),
    );
  }

  #act(group: ManualGroup, name: string, words: readonly string[]): string[] {
    const id = Number(words[1]);
    switch (name) {
      case "tick":
        group.tick(id, Number(words[2] ?? 1));
        return [];
      case "timeout":
        group.timeout(id);
        return [];
      case "settle":
        group.settle(words.slice(2).map(Number));
        return [];
      case "persist":
        group.persist(id, Number(words[2] ?? Number.MAX_SAFE_INTEGER));
        return [];
      case "deliver":
        group.deliver(filterOf(words.slice(1)));
        return [];
      case "drop":
        return [`drops ${group.drop(filterOf(words.slice(1)))}`];
      case "restart":
        group.restart(id);
        return [];
      case "snapshot":
        group.snapshot(id, Number(words[2]));
        return [];
      default:
        group.step(id, this.#input(name, words));
        return [];
    }
  }

  #input(name: string, words: readonly string[]): Input {
    switch (name) {
      case "propose": {
        const proposal = this.#nextProposal;
        this.#nextProposal += 1;
        return { type: "propose", proposal, data: words.slice(2).map(bytesOf) };
      }
      case "read":
        return { type: "readIndex", read: Number(words[2]) };
      case "transfer":
        return { type: "transferLeadership", to: Number(words[2]) };
      case "lost":
        return { type: "peerLost", peer: Number(words[2]) };
      case "stalled":
        return { type: "stalled" };
      default:
        throw new Bug(`no command ${name}`);
    }
  }

  #show(group: ManualGroup): string[] {
    return this.#voters.map((id) => {
      const { role, term, leader, firstIndex, lastIndex, lastTerm, stableIndex, committedIndex } =
        group.core(id).view();
      const terms = group.durable(id).map((entry) => entry.term);
      return (
        `${id} ${role} term=${term} leader=${leader} first=${firstIndex} ` +
        `last=${lastIndex}/${lastTerm} durable=${stableIndex} commit=${committedIndex} ` +
        `log=${terms.join(",")}`
      );
    });
  }
}

function initialLog(words: readonly string[]): InitialLog {
  const values = new Map(words.map((word) => word.split("=") as [string, string]));
  const terms = (values.get("terms") ?? "").split(",").filter((term) => term !== "");
  const term = Number(values.get("term") ?? terms.at(-1) ?? 0);
  return {
    terms: terms.map(Number),
    hardState: { term, vote: Number(values.get("vote") ?? 0), commit: 0 },
  };
}

function filterOf(words: readonly string[]): (message: Message) => boolean {
  const link = words.find((word) => word.includes(">"));
  const type = words.find((word) => !word.includes(">"));
  return (message) =>
    (link === undefined || link === `${message.from}>${message.to}`) &&
    (type === undefined || type === message.type);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 0xff);
}
