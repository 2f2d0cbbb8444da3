/**
 * Checks for messages from outside: each throws DecodeError with what is wrong and what is allowed.
 *
 * What identifies (names, keys, positions) must be exact. Texts for people are cut, not refused: a
 * batch of facts that is refused for a long error text would be sent again for ever.
 */
import { checkName, checkPath, showText } from "@atoll/domain";
import type {
  ActionId,
  DatacenterName,
  NodeName,
  OutboxPosition,
  ServiceKey,
  TargetKey,
} from "@atoll/domain";
import type { OutboxPosition as ProtoOutboxPosition } from "@atoll/proto/atoll/log/v1/log";
import { DecodeError } from "./decode-error.ts";

export const REASON_LENGTH_MAX = 2_000;
export const IDENTIFIER_LENGTH_MAX = 128;

const IDENTIFIER_PATTERN = /^[!-~]{1,128}$/;
const ACTION_PATTERN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?-[1-9][0-9]{0,15}$/;
const DIGEST_PATTERN = /^[!-~]{0,128}$/;

export function datacenterName(text: string): DatacenterName {
  return name("datacenter", text) as DatacenterName;
}

export function nodeName(text: string): NodeName {
  return name("node", text) as NodeName;
}

export function serviceKeyText(text: string): ServiceKey {
  const slash = text.indexOf("/");
  const right =
    slash > 0 &&
    checkName("role", text.slice(0, slash)) === undefined &&
    checkName("service", text.slice(slash + 1)) === undefined;
  if (!right) throw new DecodeError(`${showText(text)} is not role/service`);
  return text as ServiceKey;
}

export function actionIdText(text: string): ActionId {
  if (!ACTION_PATTERN.test(text))
    throw new DecodeError(`${showText(text)} is not the id of an action`);
  return text as ActionId;
}

export function filePath(text: string): string {
  const wrong = checkPath(text);
  if (wrong !== undefined) throw new DecodeError(wrong);
  return text;
}

export function targetKey(text: string): TargetKey {
  if (text.startsWith("service:")) serviceKeyText(text.slice("service:".length));
  else if (text.startsWith("file:")) filePath(text.slice("file:".length));
  else throw new DecodeError(`${showText(text)} is neither service:role/name nor file:/path`);
  return text as TargetKey;
}

/** An incarnation, boot id or version: printable ASCII without blanks, 1 to 128. */
export function identifier(what: string, text: string): string {
  if (IDENTIFIER_PATTERN.test(text)) return text;
  const allowed = `1 to ${IDENTIFIER_LENGTH_MAX} visible ASCII characters`;
  throw new DecodeError(`${what} is ${showText(text)}: allowed are ${allowed}`);
}

export function digestValue(text: string): string {
  if (DIGEST_PATTERN.test(text)) return text;
  throw new DecodeError(`${showText(text)} is not a digest`);
}

export function counter(what: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new DecodeError(`${what} is ${value}: allowed are integers from 0`);
}

/** A position in an outbox: both parts 0, or both at least 1. */
export function position(what: string, value: ProtoOutboxPosition | undefined): OutboxPosition {
  const boot = counter(`boot of ${what}`, value?.boot ?? 0);
  const sequence = counter(`sequence of ${what}`, value?.sequence ?? 0);
  if ((boot === 0) !== (sequence === 0))
    throw new DecodeError(`${what} is ${boot}/${sequence}: one part is 0`);
  const instance = value?.instance;
  if (instance === undefined) return { boot, sequence };
  return { boot, sequence, instance: identifier(`instance of ${what}`, instance) };
}

export function listUpTo<T>(what: string, list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  throw new DecodeError(`${list.length} ${what} are too many: at most ${most}`);
}

/** At most `most` characters of a text for people. */
export function cut(text: string, most: number = REASON_LENGTH_MAX): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function name(what: string, text: string): string {
  const wrong = checkName(what, text);
  if (wrong !== undefined) throw new DecodeError(wrong);
  return text;
}
