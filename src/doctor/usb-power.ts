// Power on USB: what a bus-powered hub can give, and ports that have cut it off.

import { type Complaint, warning } from "./finding.ts";
import { hubOf, type UsbDevice } from "./usb-tree.ts";

// USB 2.0, section 7.2.1.1: a bus-powered hub gives each port one unit load, 100 mA; of its own 500 mA it needs one.
const PORT_MA = 100;
const ALL_PORTS_MA = 400;

const POWERED_HUB = "plug it into a powered hub or the computer itself";

export function powerComplaints(devices: readonly UsbDevice[], device: UsbDevice): readonly Complaint[] {
  return [...hubLoad(devices, device), ...overCurrent(device)];
}

function hubLoad(devices: readonly UsbDevice[], device: UsbDevice): readonly Complaint[] {
  const hub = hubOf(device, devices);
  const { maxPowerMa } = device;
  if (hub === undefined || hub.isSelfPowered || device.isSelfPowered || maxPowerMa === undefined) return [];
  const siblings = devices.filter((other) => hubOf(other, devices) === hub && !other.isSelfPowered);
  const sumMa = siblings.reduce((sum, sibling) => sum + (sibling.maxPowerMa ?? 0), 0);
  const facts = [
    ...(maxPowerMa > PORT_MA ? [`${maxPowerMa} mA are more than the ${PORT_MA} mA of a port`] : []),
    ...(sumMa > ALL_PORTS_MA ? [`its devices ask for ${sumMa} of ${ALL_PORTS_MA} mA`] : []),
  ];
  if (facts.length === 0) return [];
  return [warning("usb-power", `hub ${hub.name} has no supply of its own: ${facts.join(", ")}`, POWERED_HUB)];
}

function overCurrent({ overCurrents }: UsbDevice): readonly Complaint[] {
  if (overCurrents === undefined || overCurrents === 0) return [];
  const times = overCurrents === 1 ? "once" : `${overCurrents} times`;
  const found = `its port has reported over-current ${times}`;
  return [warning("usb-over-current", found, `look for a damaged cable; ${POWERED_HUB}`)];
}
