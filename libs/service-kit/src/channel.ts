/**
 * The settings of gRPC connections, the same on both sides.
 *
 * Keepalive finds a peer that vanished without a word; client and server agree on it, since a
 * server may end connections that ping too often.
 */
import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import { parseAddress } from "./env-reader.ts";
import { ConfigError } from "./operational-error.ts";
import { isLoopback, type Transport } from "./transport.ts";

export const MESSAGE_BYTES_MAX: number = 4 * 1_048_576;
export const CONCURRENT_STREAMS_MAX = 10_000;

/** For servers and clients alike. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
};

/** What a client connects with. */
export function channelCredentials(transport: Transport): ChannelCredentials {
  switch (transport) {
    case "insecure-for-lab":
      return credentials.createInsecure();
  }
}

/**
 * @param address `host:port`.
 * @throws ConfigError when `transport` must not be used with it.
 */
export function checkTransport(transport: Transport, address: string): void {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new ConfigError([`"${address}" is not HOST:PORT`]);
  if (transport === "insecure-for-lab" && !isLoopback(parsed.host)) {
    throw new ConfigError([
      `${address}: insecure-for-lab is allowed on loopback addresses only, ` +
        "which are 127.0.0.1, [::1] and localhost",
    ]);
  }
}
