export { decodeFrame } from "./frame-decoder.ts";
export type { BadFrame } from "./frame-decoder.ts";
export { FrameEncoder } from "./frame-encoder.ts";
export { PROTOCOL_VERSION } from "./frame-layout.ts";
export { GrpcPeerTransport } from "./grpc-peer-transport.ts";
export type {
  CallerContext,
  GrpcPeerTransportOptions,
  TransportEvent,
  TransportStatistics,
} from "./grpc-peer-transport.ts";
export { raftServiceDefinition } from "./raft-service.ts";
