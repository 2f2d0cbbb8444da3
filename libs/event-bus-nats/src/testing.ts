/**
 * For tests, of this package and of those that use it: real servers, and waiting for a state with a
 * deadline.
 */
export { NatsCluster } from "./nats-cluster.ts";
export { NatsServer, skipReason } from "./nats-server.ts";
export type { TestNats } from "./nats-server.ts";
export { until } from "./until.ts";
