/**
 * Answers peers whose logs are damaged: entries of this replica's log up to a position.
 *
 * Index and term of the last entry name it and all before it, so what is given is right for whoever
 * asks, whether it is committed or not (docs/adr/0012). Changes nothing and promises nothing. Added
 * to the server of a replica that runs, and to that of one that repairs its own log.
 */
import {
  type ReadEntriesRequest,
  type ReadEntriesResponse,
  type RepairEntry,
  RepairEntryType,
  RepairServiceService,
} from "@atoll/proto/atoll/replica/v1/repair";
import type { EntriesUpTo, WantedEntries } from "@atoll/raft-level";
import type { GrpcService } from "@atoll/service-kit";
import { Bug } from "@atoll/stdx";
import { type sendUnaryData, type ServerUnaryCall, status as GrpcStatus } from "@grpc/grpc-js";
import type { Entry, EntryType, ReplicaId } from "raft-ts";
import { refusal } from "./refusal.ts";

const BYTES_MAX = 1_048_576;
const COUNT_MAX = 1_024;
/** Each holds an answer in memory. */
const UNDER_WAY_MAX = 8;

const PROTO_TYPES: Readonly<Record<EntryType, RepairEntryType>> = {
  data: RepairEntryType.REPAIR_ENTRY_TYPE_DATA,
  noop: RepairEntryType.REPAIR_ENTRY_TYPE_NOOP,
  membership: RepairEntryType.REPAIR_ENTRY_TYPE_MEMBERSHIP,
};

/** What a replica says of itself with each answer. */
export type Answerer = Pick<
  ReadEntriesResponse,
  "whole" | "voters" | "outgoingVoters" | "addresses"
>;

export interface RepairServiceParts {
  readonly groupId: string;
  readonly replicaId: ReplicaId;
  /** Undefined when the log has not that position, or does not know. */
  readonly entriesUpTo: (wanted: WantedEntries) => Promise<EntriesUpTo | undefined>;
  readonly answerer: () => Answerer;
}

export function repairService(parts: RepairServiceParts): GrpcService {
  let underWay = 0;
  async function answer(request: ReadEntriesRequest): Promise<ReadEntriesResponse> {
    const { groupId, replicaId: replica, entriesUpTo, answerer } = parts;
    if (request.groupId !== groupId) throw refusal("this replica belongs to another group");
    if (underWay >= UNDER_WAY_MAX) {
      throw refusal("too many read the log already", GrpcStatus.RESOURCE_EXHAUSTED);
    }
    underWay += 1;
    try {
      const { fromIndex: from, toIndex: to, toTerm: termAtTo } = request;
      const wanted = { from, to, termAtTo, bytesMax: BYTES_MAX, countMax: COUNT_MAX };
      const { entries, previousTerm } = (await entriesUpTo(wanted)) ?? NONE;
      return { entries: entries.map(toProto), previousTerm, replica, ...answerer() };
    } finally {
      underWay -= 1;
    }
  }
  return {
    definition: RepairServiceService,
    implementation: {
      readEntries: (
        call: ServerUnaryCall<ReadEntriesRequest, ReadEntriesResponse>,
        done: sendUnaryData<ReadEntriesResponse>,
      ) => {
        answer(call.request).then(
          (response) => done(null, response),
          (error: unknown) => {
            if (error instanceof Bug) throw error;
            const { details, message } = error as Partial<ReturnType<typeof refusal>>;
            if (details !== undefined) done(error as ReturnType<typeof refusal>);
            else done(refusal(`the log cannot be read: ${message}`, GrpcStatus.UNAVAILABLE));
          },
        );
      },
    },
  };
}

const NONE: EntriesUpTo = { entries: [], previousTerm: 0 };

/** The entries of an answer; undefined when one is of no known type. */
export function entriesOf(answer: ReadEntriesResponse): readonly Entry[] | undefined {
  const entries: Entry[] = [];
  for (const { index, term, type, data } of answer.entries) {
    const known = TYPES.get(type);
    if (known === undefined) return undefined;
    entries.push({ index, term, type: known, data });
  }
  return entries;
}

const TYPES: ReadonlyMap<RepairEntryType, EntryType> = new Map(
  Object.entries(PROTO_TYPES).map(([type, proto]) => [proto, type as EntryType]),
);

function toProto({ index, term, type, data }: Entry): RepairEntry {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { index, term, type: PROTO_TYPES[type], data: bytes };
}
