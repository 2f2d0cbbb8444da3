/**
 * The names that the bus uses on NATS, made and taken apart in one place.
 *
 * The server checks who may publish on which subject, so the node in a subject is trusted and the
 * one in a payload is not. A token that is no DNS label is not ours. Subjects are listed in
 * proto/atoll/agent/v1/agent.proto.
 */
import { heartbeatShardOf } from "@atoll/event-bus";
import { assert } from "@atoll/stdx";

const TOKEN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export type SubjectKind = "fact" | "directive" | "act" | "probe";

export class Subjects {
  readonly datacenter: string;
  /** The stream that stores facts. */
  readonly stream: string;

  constructor(datacenter: string) {
    assert(TOKEN.test(datacenter), `datacenter ${JSON.stringify(datacenter)} is no DNS label`);
    this.datacenter = datacenter;
    this.stream = `ATOLL_FACTS_${datacenter}`;
  }

  of(kind: SubjectKind, node: string): string {
    assert(TOKEN.test(node), `node ${JSON.stringify(node)} is no DNS label`);
    return `atoll.${this.datacenter}.${kind}.${node}`;
  }

  /** Where the heartbeats of one node go. */
  heartbeat(node: string): string {
    assert(TOKEN.test(node), `node ${JSON.stringify(node)} is no DNS label`);
    return `${this.heartbeats(heartbeatShardOf(node))}${node}`;
  }

  /** What the heartbeats of a shard begin with. */
  heartbeats(shard: number): string {
    return `atoll.${this.datacenter}.heartbeat.${shard}.`;
  }

  /** Where a replica says what it hears; with nothing, what these subjects begin with. */
  watch(replica: string): string {
    return `atoll.${this.datacenter}.watch.${replica}`;
  }

  /** Matches the subjects of every node. */
  all(kind: SubjectKind): string {
    return `atoll.${this.datacenter}.${kind}.*`;
  }

  /** The node that a subject of this kind names, or undefined when the subject is not ours. */
  nodeOf(kind: SubjectKind, subject: string): string | undefined {
    const prefix = `atoll.${this.datacenter}.${kind}.`;
    if (!subject.startsWith(prefix)) return undefined;
    const node = subject.slice(prefix.length);
    return TOKEN.test(node) ? node : undefined;
  }
}

/** Whether a text can be a node or datacenter in a subject. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}
