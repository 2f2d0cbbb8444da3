/**
 * The network interfaces that are hardware.
 *
 * Bridges, tunnels, bonds and containers' interfaces are left out. Where a container sees no
 * hardware at all, its own Ethernet interface is what there is, and is listed.
 */
import type { Nic, Reading } from "@atoll/domain";
import { known, unknown } from "@atoll/domain";
import { firstKnown, type Tree } from "./reading.ts";

const NET = "/sys/class/net";
const ETHERNET = 1;
const INFINIBAND = 32;
/** Interfaces that are made on a host, by name where the kernel says no more. */
const MADE_ON_HOST =
  /^(lo|docker|br-|virbr|veth|tap|tun|ifb|dummy|bond|team|cni|flannel|cali|wg|sit|ip6)/;

export function readNics(tree: Tree): Reading<readonly Nic[]> {
  const names = tree.names(NET);
  if (names.type === "unknown") return names;
  const physical = names.value.filter(
    (name) => tree.has(`${NET}/${name}/device`) && isNetwork(tree, name),
  );
  if (physical.length > 0) return known(physical.map((name) => readNic(tree, name)));
  const own = names.value.filter((name) => !MADE_ON_HOST.test(name) && isNetwork(tree, name));
  return known(own.map((name) => readNic(tree, name)));
}

function isNetwork(tree: Tree, name: string): boolean {
  const type = tree.integer(`${NET}/${name}/type`);
  return type.type === "known" && (type.value === ETHERNET || type.value === INFINIBAND);
}

function readNic(tree: Tree, name: string): Nic {
  const link = readLink(tree, name);
  return {
    name,
    mac: readMac(tree, name),
    speedMbps: readSpeed(tree, name, link),
    link,
    driver: readDriver(tree, name),
  };
}

/** A bond gives its members one address; the card's own is kept beside it. */
function readMac(tree: Tree, name: string): Reading<string> {
  const reading = firstKnown(
    () => tree.text(`${NET}/${name}/bonding_slave/perm_hwaddr`),
    () => tree.text(`${NET}/${name}/address`),
  );
  if (reading.type === "unknown") return reading;
  const mac = reading.value.toLowerCase();
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2})+$/.test(mac)) return unknown(`"${mac}" is not an address`);
  return /^[0:]+$/.test(mac) ? unknown("the address is all zeros") : known(mac);
}

function readLink(tree: Tree, name: string): Reading<"up" | "down"> {
  const carrier = tree.integer(`${NET}/${name}/carrier`);
  if (carrier.type === "known") return known(carrier.value === 1 ? "up" : "down");
  // The kernel refuses to tell the carrier of an interface that is switched off.
  const state = tree.text(`${NET}/${name}/operstate`);
  if (state.type === "known" && state.value === "down") return known("down");
  return carrier;
}

function readSpeed(tree: Tree, name: string, link: Reading<"up" | "down">): Reading<number> {
  if (link.type === "known" && link.value === "down") return unknown("link is down");
  const speed = tree.integer(`${NET}/${name}/speed`);
  if (speed.type === "unknown") return speed;
  // The kernel's words for "not known" are -1 and its unsigned twins.
  if (speed.value <= 0 || speed.value >= 65_535 * 1_024) {
    return unknown("the driver does not tell the speed");
  }
  return speed.value === 65_535 ? unknown("the driver does not tell the speed") : speed;
}

function readDriver(tree: Tree, name: string): Reading<string> {
  if (!tree.has(`${NET}/${name}/device`)) return unknown("the interface is not hardware");
  return tree.linkName(`${NET}/${name}/device/driver`);
}
