/**
 * The names that the bus uses on NATS, made and taken apart in one place.
 *
 * The server checks who may publish on which subject, so the node in a subject is trusted and the
 * one in a payload is not. A token that is no DNS label is not ours. Subjects are listed in
 * proto/atoll/agent/v1/agent.proto.
 */
import { assert } from "@atoll/stdx";

const TOKEN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export type SubjectKind = "fact" | "heartbeat" | "directive" | "act";

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
