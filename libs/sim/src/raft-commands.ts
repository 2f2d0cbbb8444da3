/**
 * What simulated clients write: commands on a few registers, as bytes in the log.
 *
 * Every command has a number of its own, which is also the value that it writes, so that a value
 * read says which command wrote it. Layout: number (4), kind (1), key (1), expected value (4; 0 for
 * none), and a filler. Shorter data is no command. Made by clients, taken in by the state machine.
 */

export interface RegisterCommand {
  /** Unique in a run; 1 or more. */
  readonly payload: number;
  readonly kind: "write" | "cas";
  readonly key: number;
  /** What a compare-and-set wants to find; 0 for a register that was never written. */
  readonly expected: number;
}

export const COMMAND_BYTES = 10;

/** @param sizeBytes {@link COMMAND_BYTES} or more. */
export function encodeCommand(command: RegisterCommand, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, command.payload);
  bytes[4] = command.kind === "cas" ? 1 : 0;
  bytes[5] = command.key;
  view.setUint32(6, command.expected);
  return bytes;
}

/** Undefined for what is too short to be a command. */
export function decodeCommand(data: Uint8Array): RegisterCommand | undefined {
  if (data.length < COMMAND_BYTES) return undefined;
  const view = new DataView(data.buffer, data.byteOffset);
  return {
    payload: view.getUint32(0),
    kind: data[4] === 1 ? "cas" : "write",
    key: data[5] as number,
    expected: view.getUint32(6),
  };
}

/** The number of the command in an entry; 0 when there is none. */
export function payloadOf(data: Uint8Array): number {
  return decodeCommand(data)?.payload ?? 0;
}
