// The spectrometers on USB: which they are, and all that keeps the server from using one.

import type { SpectrometerModel } from "../drivers/oceanoptics/model.ts";
import { findModel, isOceanVendor, MODELS, productName } from "../drivers/oceanoptics/models.ts";
import { whyClosed } from "./access.ts";
import type { Box } from "./box.ts";
import { type Complaint, complain, fault, type Finding, fine, warning } from "./finding.ts";
import { holdersOf } from "./processes.ts";
import { hex4, usbUdevDevice } from "./udev-rules.ts";
import { powerComplaints } from "./usb-power.ts";
import { hubOf, nodeOf, USB_DEVICES, type UsbDevice } from "./usb-tree.ts";

const SECTION = "spectrometers";
const HIGH_SPEED_MBPS = 480;
const ROWS: readonly SpectrometerModel[] = MODELS;

/** A Cypress chip without firmware: what is left of a spectrometer that has lost its start-up memory. */
const BLANK_CHIPS: readonly string[] = ["0547:2131", "0547:2235", "04b4:8613"];

/** Drivers of interfaces that a program has taken. */
const TAKEN = "usbfs";

export async function checkSpectrometers(box: Box): Promise<readonly Finding[]> {
  const { usb: backend, networkSpectrometers, networkDiscovery } = box.config.hardware;
  const findings: Finding[] = [];
  let known = 0;
  for (const device of box.usb) {
    const model = findModel(device.vendorId, device.productId);
    if (model !== undefined) findings.push(...(await examine(box, device, model)));
    else findings.push(...stranger(device));
    known += model === undefined ? 0 : 1;
  }
  if (known > 0) return findings;
  if (backend !== "libusb")
    return [...findings, fine(SECTION, "usb-found", "USB", `none, and hardware.usb = ${backend} needs none`)];
  if (networkSpectrometers.length > 0 || networkDiscovery) {
    const found = "none; those on the network are not looked for here, vscope-server --check does";
    return [...findings, fine(SECTION, "usb-found", "USB", found)];
  }
  if (box.usb.length === 0) return findings; // the kernel's fault, which names it
  const missing = fault(
    "usb-found",
    `no spectrometer among ${box.usb.length} USB devices`,
    "check cable and power, then look with: lsusb -d 2457: ; lsusb -d 0999:",
  );
  return [...findings, complain(SECTION, "USB", missing)];
}

async function examine(box: Box, device: UsbDevice, model: SpectrometerModel): Promise<readonly Finding[]> {
  const subject = `${modelName(device)} at ${device.name}`;
  const use = await useOf(box, device);
  const seen = fine(SECTION, "usb-found", subject, [...description(device), ...use.remarks].join(", "));
  const complaints = [
    ...configured(device),
    ...(await closed(box, device)),
    ...use.complaints,
    ...speed(box, device, model),
    ...powerComplaints(box.usb, device),
    ...suspended(device),
  ];
  return [seen, ...complaints.map((complaint) => complain(SECTION, subject, complaint))];
}

// Twins have one product id: only a question to the device tells them apart.
function modelName({ vendorId, productId }: UsbDevice): string {
  const rows = ROWS.filter((row) => row.vendorId === vendorId && row.productId === productId);
  return rows.map(({ name }) => name).join(" or ");
}

function idOf({ vendorId, productId }: UsbDevice): string {
  return `${hex4(vendorId)}:${hex4(productId)}`;
}

function description(device: UsbDevice): readonly string[] {
  return [
    idOf(device),
    ...(device.speedMbps === undefined ? [] : [`${device.speedMbps} Mbit/s`]),
    ...(device.maxPowerMa === undefined ? [] : [`${device.maxPowerMa} mA`]),
    nodeOf(device),
  ];
}

function stranger(device: UsbDevice): readonly Finding[] {
  const id = idOf(device);
  const subject = `${device.product ?? "device"} at ${device.name}`;
  if (isOceanVendor(device.vendorId)) {
    const advice =
      "docs/devices.md lists the models, docs/how-to/add-a-spectrometer-model.md tells how to add one";
    const name = productName(device.vendorId, device.productId);
    const found = `${name === undefined ? id : `${id} (${name})`} is in no row of the model table`;
    return [complain(SECTION, subject, warning("usb-model", found, advice))];
  }
  if (!BLANK_CHIPS.includes(id)) return [];
  const found = `${id} is a blank Cypress chip: a spectrometer that has lost its start-up memory looks so`;
  const advice = "unplug it, wait 10 s, plug it in again; if it stays so the maker must repair it";
  return [complain(SECTION, subject, warning("usb-blank", found, advice))];
}

function configured({ name, isAuthorized, isConfigured, maxPowerMa }: UsbDevice): readonly Complaint[] {
  if (!isAuthorized) {
    const mend = `echo 1 | sudo tee ${USB_DEVICES}/${name}/authorized`;
    return [fault("usb-authorized", "the kernel does not let it in (authorized = 0; usbguard?)", mend)];
  }
  if (isConfigured) return [];
  const wish = maxPowerMa === undefined ? "" : `, which asks for ${maxPowerMa} mA`;
  const found = `the kernel gives it no configuration${wish}: too little power at this port`;
  return [
    fault(
      "usb-configured",
      found,
      "plug it into a powered hub or the computer itself; see: dmesg | grep usb",
    ),
  ];
}

async function closed(box: Box, device: UsbDevice): Promise<readonly Complaint[]> {
  const complaint = await whyClosed(box, {
    check: "usb-permission",
    path: nodeOf(device),
    device: usbUdevDevice(device.vendorId, device.productId),
  });
  return complaint === undefined ? [] : [complaint];
}

interface Use {
  readonly remarks: readonly string[];
  readonly complaints: readonly Complaint[];
}

async function useOf(box: Box, device: UsbDevice): Promise<Use> {
  const drivers = device.interfaces.map(({ driver }) => driver);
  if (drivers.includes(TAKEN)) return await takenBy(box, device);
  const complaints = device.interfaces.flatMap(({ name, driver }) => {
    if (driver === undefined) return [];
    const found = `kernel driver ${driver} has interface ${name}; the server will take it away`;
    const mend = `echo ${name} | sudo tee /sys/bus/usb/drivers/${driver}/unbind`;
    return [warning("usb-driver", found, mend)];
  });
  return { remarks: complaints.length === 0 ? ["free"] : [], complaints };
}

async function takenBy(box: Box, device: UsbDevice): Promise<Use> {
  const holders = await holdersOf(box.computer, box.processes, nodeOf(device));
  const other = holders.find(({ isServer }) => !isServer);
  const server = holders.find(({ isServer }) => isServer);
  if (server !== undefined)
    return { remarks: [`in use by vscope-server (process ${server.pid})`], complaints: [] };
  if (other !== undefined) {
    const found = `in use by process ${other.pid}: ${shortened(other.command)}`;
    return { remarks: [], complaints: [fault("usb-busy", found, `kill ${other.pid}`)] };
  }
  const running = box.processes.find(({ isServer }) => isServer);
  if (running !== undefined) {
    const remark = `in use; vscope-server runs (process ${running.pid}), only root sees whether it is the one`;
    return { remarks: [remark], complaints: [] };
  }
  const found = "in use by a program whose open files this user may not see; no vscope-server runs";
  return { remarks: [], complaints: [fault("usb-busy", found, `sudo fuser -v ${nodeOf(device)}`)] };
}

// Only a model with an endpoint of its own for high speed is known to be able to.
function speed({ usb }: Box, device: UsbDevice, model: SpectrometerModel): readonly Complaint[] {
  const { speedMbps } = device;
  if (model.endpoints.spectrumFirst === undefined) return [];
  if (speedMbps === undefined || speedMbps >= HIGH_SPEED_MBPS) return [];
  const hub = hubOf(device, usb);
  const isHubSlow = hub?.speedMbps !== undefined && hub.speedMbps < HIGH_SPEED_MBPS;
  const cause = isHubSlow ? `hub ${hub.name} is no faster` : "cable or port";
  const found = `runs at ${speedMbps} of ${HIGH_SPEED_MBPS} Mbit/s: ${cause}`;
  const mend = isHubSlow
    ? "plug it into a USB 2.0 hub or the computer itself"
    : "try a shorter cable, then another port or hub";
  return [warning("usb-speed", found, mend)];
}

function suspended({ name, isAutosuspended }: UsbDevice): readonly Complaint[] {
  if (!isAutosuspended) return [];
  const mend = `echo on | sudo tee ${USB_DEVICES}/${name}/power/control`;
  const found = "the kernel may suspend it (power/control = auto)";
  return [warning("usb-autosuspend", found, mend, "for good: except it in TLP or powertop")];
}

function shortened(command: string): string {
  return command.length <= 60 ? command : `${command.slice(0, 59)}\u2026`;
}
