/** The Raft group in the API: the picture that is shown, what is recorded, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GroupReplicaRole, type ListReplicasResponse } from "@atoll/proto/atoll/v1/group";
import { status } from "@grpc/grpc-js";
import { type ApiClient, call, eventually, failure } from "./testing/client.ts";
import { startTestGateway } from "./testing/gateway.ts";

const PARENT = "datacenters/dc1";

async function list(api: ApiClient): Promise<ListReplicasResponse> {
  const request = { parent: PARENT, pageSize: 0, pageToken: "" };
  return (await call(api.groups, api.groups.listReplicas, request)).response;
}

function roles({ replicas }: ListReplicasResponse): [string, GroupReplicaRole][] {
  return replicas.map(({ name, role }) => [name, role]);
}

test("ListReplicas shows who leads, who votes, who is gone, and what may be lost", async () => {
  await using gateway = await startTestGateway();
  const { api, datacenter } = gateway;
  const before = await list(api);
  assert.deepEqual(roles(before), [
    [`${PARENT}/replicas/1`, GroupReplicaRole.GROUP_REPLICA_ROLE_LEADER],
    [`${PARENT}/replicas/2`, GroupReplicaRole.GROUP_REPLICA_ROLE_VOTER],
    [`${PARENT}/replicas/3`, GroupReplicaRole.GROUP_REPLICA_ROLE_VOTER],
  ]);
  assert.deepEqual([before.leader, before.failuresTolerated], [`${PARENT}/replicas/1`, 1]);
  assert.equal(before.groupId, "atoll/dc1");
  datacenter.replica(3).kill();
  const after = await list(api);
  assert.equal(after.replicas[2]?.role, GroupReplicaRole.GROUP_REPLICA_ROLE_GONE);
  assert.notEqual(after.replicas[2]?.reason, "");
  assert.equal(after.failuresTolerated, 0);
});

test("CreateReplica records what is wanted, who asked, and answers with the new one", async () => {
  await using gateway = await startTestGateway();
  const { api, datacenter } = gateway;
  const request = { parent: PARENT, replicaId: 4, address: "127.0.0.1:1", requestId: "add-4" };
  const { response } = await call(api.groups, api.groups.createReplica, request);
  assert.equal(response.role, GroupReplicaRole.GROUP_REPLICA_ROLE_JOINING);
  assert.equal(response.address, "127.0.0.1:1");
  const length = datacenter.log.length;
  await call(api.groups, api.groups.createReplica, request);
  assert.equal(datacenter.log.length, length, "a repetition is harmless");
  const refused = await failure(
    call(api.groups, api.groups.createReplica, { ...request, address: "nowhere", requestId: "" }),
  );
  assert.equal(refused.code, status.INVALID_ARGUMENT);
});

test("ReplaceReplica takes the old one's address where none is given", async () => {
  await using gateway = await startTestGateway();
  const { api, datacenter } = gateway;
  for (const replica of [1, 2, 3]) {
    const { port } = datacenter.replica(replica);
    const address = `127.0.0.1:${port}`;
    datacenter.append([{ type: "replicaAddressSet", replica, address, replaces: 0 }]);
  }
  const name = `${PARENT}/replicas/3`;
  const request = { name, replicaId: 4, address: "", requestId: "" };
  const { response } = await call(api.groups, api.groups.replaceReplica, request);
  assert.deepEqual(
    [response.address, response.replaces],
    [`127.0.0.1:${datacenter.replica(3).port}`, name],
  );
});

test("DeleteReplica is refused where it would cost the majority", async () => {
  await using gateway = await startTestGateway();
  const { api, datacenter } = gateway;
  for (const replica of [1, 2, 3]) {
    const address = `127.0.0.1:${datacenter.replica(replica).port}`;
    datacenter.append([{ type: "replicaAddressSet", replica, address, replaces: 0 }]);
  }
  datacenter.replica(3).kill();
  const request = { name: `${PARENT}/replicas/2`, requestId: "", allowQuorumLoss: false };
  const refused = await failure(call(api.groups, api.groups.deleteReplica, request));
  assert.deepEqual(
    [refused.code, refused.reason],
    [status.FAILED_PRECONDITION, "QUORUM_WOULD_BE_LOST"],
  );
  assert.equal(datacenter.state.datacenter.groupReplica(2)?.status, "wanted");
  const gone = { ...request, name: `${PARENT}/replicas/3` };
  const { response } = await call(api.groups, api.groups.deleteReplica, gone);
  assert.equal(response.leaving, true);
  await call(api.groups, api.groups.deleteReplica, { ...request, allowQuorumLoss: true });
  assert.equal(datacenter.state.datacenter.groupReplica(2)?.status, "retired");
});

test("a name that is no replica's is refused with those that are", async () => {
  await using gateway = await startTestGateway();
  const { api } = gateway;
  const unknown = await failure(
    call(api.groups, api.groups.getReplica, { name: `${PARENT}/replicas/9` }),
  );
  assert.equal(unknown.code, status.NOT_FOUND);
  assert.match(unknown.message, /there are 1, 2, 3/);
  const odd = await failure(call(api.groups, api.groups.getReplica, { name: "replicas/x" }));
  assert.equal(odd.code, status.INVALID_ARGUMENT);
});

test("the gateway asks the replicas that the log names, wherever they have moved", async () => {
  await using gateway = await startTestGateway();
  const { api, datacenter } = gateway;
  const address = "127.0.0.1:1";
  datacenter.append([
    { type: "replicaAddressSet", replica: 1, address: at(1), replaces: 0 },
    { type: "replicaAddressSet", replica: 2, address: at(2), replaces: 0 },
    { type: "replicaAddressSet", replica: 3, address, replaces: 0 },
  ]);
  function at(id: number): string {
    return `127.0.0.1:${datacenter.replica(id).port}`;
  }
  let seen: ListReplicasResponse | undefined;
  await eventually(() => {
    list(api).then(
      (answer) => (seen = answer),
      () => undefined,
    );
    return seen?.replicas[2]?.reachable === false;
  });
  assert.equal(seen?.replicas[2]?.address, address);
});

test("a group with another id is taken anew, though its log is shorter", async () => {
  await using gateway = await startTestGateway({ nodes: ["n1", "n2"] });
  const { api, datacenter } = gateway;
  for (const id of [1, 2, 3]) datacenter.replica(id).breakStreams();
  datacenter.loseAll("atoll/dc1/0badcafe");
  let names: readonly string[] | undefined;
  await eventually(() => {
    const request = { parent: PARENT, pageSize: 0, pageToken: "", filter: "" };
    call(api.nodes, api.nodes.listNodes, request).then(
      ({ response }) => {
        if (response.asOf[0]?.stale === false) names = response.nodes.map(({ name }) => name);
      },
      () => undefined,
    );
    return names?.length === 0;
  });
  assert.equal((await list(api)).groupId, "atoll/dc1/0badcafe");
});
