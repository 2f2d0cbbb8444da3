/**
 * A backup of a group as one file: what it is of, the state in pieces, and proof that all is there.
 *
 *     0  "ATOLLBAK"    8  format version (4)   12  bytes of the header (4)
 *    16  the header, JSON                      then  CRC32C of everything so far (4)
 *     per piece: its bytes (4), CRC32C of it and all pieces before (4), the piece
 *     at the end: 0 (4), CRC32C of all pieces (4), SHA-256 of them: the hash of the state (32)
 *
 * Numbers are little-endian. A file is written beside its place, synced, read again from end to end
 * and only then given its name: a backup that has its name is whole. Used by `atoll group backup`,
 * `restore` and `verify`.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "@atoll/service-kit";
import { crc32c } from "@atoll/stdx";

export const BACKUP_FORMAT = 1;
const MAGIC = Buffer.from("ATOLLBAK", "latin1");
const FIXED_BYTES = 16;
const HASH_BYTES = 32;
const HEADER_BYTES_MAX = 1_048_576;
const PIECE_BYTES_MAX = 4_194_304;

export interface BackupHeader {
  readonly datacenter: string;
  readonly groupId: string;
  /** The state is that after this entry. */
  readonly index: number;
  readonly term: number;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** host:port by id. */
  readonly addresses: Readonly<Record<number, string>>;
  readonly createdAtMs: number;
  /** Of the software that gave the state away. */
  readonly version: string;
}

/** What reading a file from end to end has shown. */
export interface BackupScan {
  /** Undefined when not even the header can be read. */
  readonly header: BackupHeader | undefined;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly stateHash: string;
  /** Everything that is wrong; empty for a whole backup. */
  readonly problems: readonly string[];
}

/** Writes one backup; nothing has its name until `finish`. */
export class BackupWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #checksum = 0;
  #sizeBytes = 0;
  #finished = false;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  static async create(path: string, header: BackupHeader): Promise<BackupWriter> {
    const temporary = `${path}.${process.pid}.partial`;
    const file = await open(temporary, "wx");
    const writer = new BackupWriter(path, temporary, file);
    try {
      await file.appendFile(encodeHeader(header));
    } catch (error) {
      await writer[Symbol.asyncDispose]();
      throw error;
    }
    return writer;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Of everything so far, hexadecimal. */
  get stateHash(): string {
    return this.#hash.copy().digest("hex");
  }

  async piece(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#checksum = crc32c(bytes, this.#checksum);
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
    await this.#file.appendFile(Buffer.concat([twoWords(bytes.length, this.#checksum), bytes]));
  }

  /** Ends the file, makes it durable, reads it again, and gives it its name. */
  async finish(): Promise<BackupScan> {
    const hash = this.#hash.copy().digest();
    await this.#file.appendFile(Buffer.concat([twoWords(0, this.#checksum), hash]));
    await this.#file.sync();
    const scan = await scanBackup(this.#temporary);
    if (scan.problems.length > 0) return scan;
    await rename(this.#temporary, this.#path);
    this.#finished = true;
    await syncFolder(dirname(this.#path));
    return scan;
  }

  /** Removes what was not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (!this.#finished) await rm(this.#temporary, { force: true });
  }
}

/**
 * Reads a file from end to end and says everything that is wrong with it. `take` gets each piece,
 * damaged or not. Throws only what the disk throws.
 */
export async function scanBackup(
  path: string,
  take: (piece: Uint8Array) => void = () => {},
): Promise<BackupScan> {
  const file = await open(path, "r");
  try {
    return await new Scan(file, take).run();
  } finally {
    await file.close();
  }
}

/** The header alone; undefined for a file that is no backup. */
export async function readBackupHeader(path: string): Promise<BackupHeader | undefined> {
  const file = await open(path, "r");
  try {
    const header = await new Scan(file, () => {}).readHeader();
    return typeof header === "string" ? undefined : header;
  } finally {
    await file.close();
  }
}

class Scan {
  readonly #file: FileHandle;
  readonly #take: (piece: Uint8Array) => void;
  readonly #problems: string[] = [];
  readonly #hash = createHash("sha256");
  #at = 0;
  #checksum = 0;
  #sizeBytes = 0;

  constructor(file: FileHandle, take: (piece: Uint8Array) => void) {
    this.#file = file;
    this.#take = take;
  }

  async run(): Promise<BackupScan> {
    const header = await this.readHeader();
    if (typeof header === "string") return this.#end(undefined, header);
    for (let number = 0; ; number += 1) {
      const words = await this.#read(8);
      if (words.length < 8) return this.#end(header, `it ends before piece ${number}`);
      const length = words.readUInt32LE(0);
      if (length === 0) return this.#readEnd(header, words.readUInt32LE(4));
      if (length > PIECE_BYTES_MAX) {
        return this.#end(header, `piece ${number} would have ${length} bytes`);
      }
      const piece = await this.#read(length);
      if (piece.length < length) return this.#end(header, `it ends within piece ${number}`);
      this.#pieceRead(number, piece, words.readUInt32LE(4));
    }
  }

  /** The header, or why there is none. */
  async readHeader(): Promise<BackupHeader | string> {
    const fixed = await this.#read(FIXED_BYTES);
    if (fixed.length < FIXED_BYTES || !fixed.subarray(0, MAGIC.length).equals(MAGIC)) {
      return "it is no backup of a group";
    }
    const format = fixed.readUInt32LE(8);
    if (format !== BACKUP_FORMAT) {
      return `it has format ${format}; this release reads ${BACKUP_FORMAT}`;
    }
    const length = fixed.readUInt32LE(12);
    if (length > HEADER_BYTES_MAX) return `its header would have ${length} bytes`;
    const text = await this.#read(length);
    const checksum = await this.#read(4);
    if (text.length < length || checksum.length < 4) return "it ends within its header";
    if (crc32c(text, crc32c(fixed)) !== checksum.readUInt32LE(0)) {
      return "the checksum of its header does not match";
    }
    return JSON.parse(text.toString("utf8")) as BackupHeader;
  }

  #pieceRead(number: number, piece: Buffer, checksum: number): void {
    const found = crc32c(piece, this.#checksum);
    if (found !== checksum) {
      const from = this.#at - piece.length;
      this.#problems.push(
        `piece ${number} (bytes ${from} to ${this.#at - 1}): its checksum does not match`,
      );
    }
    // The next piece is judged by what was written, so that each bad one is named once.
    this.#checksum = checksum;
    this.#hash.update(piece);
    this.#sizeBytes += piece.length;
    this.#take(piece);
  }

  async #readEnd(header: BackupHeader, checksum: number): Promise<BackupScan> {
    if (checksum !== this.#checksum) return this.#end(header, "a piece is missing");
    const hash = await this.#read(HASH_BYTES);
    if (hash.length < HASH_BYTES) return this.#end(header, "it ends within its last record");
    if (!hash.equals(this.#hash.copy().digest())) {
      this.#problems.push("the hash of the state does not match");
    }
    if ((await this.#read(1)).length > 0) this.#problems.push("something follows its end");
    return this.#end(header, undefined);
  }

  #end(header: BackupHeader | undefined, problem: string | undefined): BackupScan {
    if (problem !== undefined) this.#problems.push(problem);
    return {
      header,
      sizeBytes: this.#sizeBytes,
      stateHash: this.#hash.copy().digest("hex"),
      problems: this.#problems,
    };
  }

  async #read(length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, this.#at);
      if (bytesRead === 0) break;
      filled += bytesRead;
      this.#at += bytesRead;
    }
    return buffer.subarray(0, filled);
  }
}

function encodeHeader(header: BackupHeader): Buffer {
  const text = Buffer.from(JSON.stringify(header), "utf8");
  const fixed = Buffer.alloc(FIXED_BYTES);
  MAGIC.copy(fixed);
  fixed.writeUInt32LE(BACKUP_FORMAT, 8);
  fixed.writeUInt32LE(text.length, 12);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32c(text, crc32c(fixed)), 0);
  return Buffer.concat([fixed, text, checksum]);
}

function twoWords(first: number, second: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(first, 0);
  bytes.writeUInt32LE(second, 4);
  return bytes;
}
