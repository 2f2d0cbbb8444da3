/**
 * Server reflection from the descriptors that the repository ships.
 *
 * By it any gRPC client can list and call services without our files. Only services that the server
 * really serves are listed.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { OperationalError } from "./operational-error.ts";

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

const DESCRIPTORS = "@atoll/proto/descriptors.binpb";
/** Field 1, length-delimited: a file in a FileDescriptorSet. */
const FILE_TAG = 0x0a;

/** @param services full names, for example `atoll.v1.NodeService`. */
export function addReflection(server: Server, services: readonly string[]): void {
  const files = splitFiles(readFileSync(fileURLToPath(import.meta.resolve(DESCRIPTORS))));
  // The reflection service looks at nothing but the files of each definition.
  const definition = {
    descriptors: { fileDescriptorProtos: files },
  } as unknown as PackageDefinition;
  new ReflectionService(definition, { services: [...services] }).addToServer(server);
}

/** The files of an encoded FileDescriptorSet, each still encoded. */
export function splitFiles(set: Buffer): Buffer[] {
  const files: Buffer[] = [];
  let at = 0;
  while (at < set.length) {
    if (set[at] !== FILE_TAG) throw damaged(at);
    let length = 0;
    let shift = 0;
    let byte: number;
    do {
      at += 1;
      byte = set[at] ?? 0;
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte >= 0x80 && shift < 35);
    at += 1;
    if (at + length > set.length) throw damaged(at);
    files.push(set.subarray(at, at + length));
    at += length;
  }
  return files;
}

function damaged(at: number): OperationalError {
  return new OperationalError(`the descriptors are damaged at byte ${at}`, {
    code: "badDescriptors",
  });
}
