/**
 * A process with one end of a transport, to be killed by tests.
 *
 * Arguments: own id, own port, peer id, peer address. Prints its port once it listens; sends a
 * heartbeat every 10 ms until it is killed.
 */
import { openEnd } from "./transport-end.ts";

const [self, port, peer, address] = process.argv.slice(2);
const end = await openEnd(Number(self), new Map([[Number(peer), String(address)]]), {
  port: Number(port),
});
end.transport.start();
process.stdout.write(`${end.port}\n`);
let readRound = 0;
setInterval(() => {
  readRound += 1;
  const [from, to] = [Number(self), Number(peer)];
  end.transport.send([
    { type: "heartbeat", from, to, term: 1, commitIndex: 0, commitTerm: 0, readRound },
  ]);
}, 10);
