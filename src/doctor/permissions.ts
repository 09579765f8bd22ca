// Permissions beyond the single device: the udev rules against those of this version, and who is looking.

import { readFile } from "node:fs/promises";
import type { SpectrometerModel } from "../drivers/oceanoptics/model.ts";
import { MODELS } from "../drivers/oceanoptics/models.ts";
import { INSTALL_RULES } from "./access.ts";
import type { Box } from "./box.ts";
import { type Complaint, complain, fault, type Finding, fine, warning } from "./finding.ts";
import { SHIPPED_RULES } from "./shipped.ts";
import { opensToAll, rulesFor, usbUdevDevice } from "./udev-rules.ts";
import type { ServiceUnit } from "./service-unit.ts";

const SECTION = "permissions";
const INSTALLED = "/etc/udev/rules.d/60-vscope.rules";
const ROWS: readonly SpectrometerModel[] = MODELS;

export async function checkPermissions(box: Box, unit: ServiceUnit | undefined): Promise<readonly Finding[]> {
  return [...(await checkRules(box)), ...checkAccount(box, unit)];
}

async function checkRules(box: Box): Promise<readonly Finding[]> {
  if (box.config.hardware.usb !== "libusb") return [];
  const uncovered = ROWS.filter(
    ({ vendorId, productId }) => !rulesFor(box.rules, usbUdevDevice(vendorId, productId)).some(opensToAll),
  );
  const gap = uncovered.length === 0 ? "" : `, ${uncovered.length} of ${ROWS.length} models are not covered`;
  const installed = await box.computer.text(INSTALLED);
  if (installed === undefined) {
    const others = [
      ...new Set(box.rules.flatMap((rule) => (isForModels(rule.path, box) ? [rule.path] : []))),
    ];
    if (uncovered.length === 0)
      return [fine(SECTION, "udev-rules", "udev rules", `all models by ${others.join(", ")}`)];
    return [
      complain(
        SECTION,
        "udev rules",
        fault("udev-rules", `${INSTALLED} is not there${gap}`, ...INSTALL_RULES),
      ),
    ];
  }
  if (installed === (await readFile(SHIPPED_RULES, "utf8")).trim())
    return [fine(SECTION, "udev-rules", "udev rules", `${INSTALLED}, as this version has it`)];
  return [complain(SECTION, "udev rules", installed === "" ? masked(gap) : outdated(gap))];
}

// A link to /dev/null: cp would write through it.
function masked(gap: string): Complaint {
  return fault("udev-rules", `${INSTALLED} is empty${gap}`, `sudo rm ${INSTALLED}`, ...INSTALL_RULES);
}

function outdated(gap: string): Complaint {
  const make = gap === "" ? warning : fault;
  return make("udev-rules", `${INSTALLED} is of another version${gap}`, ...INSTALL_RULES);
}

function isForModels(path: string, { rules }: Box): boolean {
  const own = rules.filter((rule) => rule.path === path);
  return ROWS.some(({ vendorId, productId }) =>
    rulesFor(own, usbUdevDevice(vendorId, productId)).some(opensToAll),
  );
}

// What root may says nothing about the user of the service.
function checkAccount({ account }: Box, unit: ServiceUnit | undefined): readonly Finding[] {
  const { name } = account;
  if (unit?.user === undefined || unit.user === name)
    return [fine(SECTION, "account", "account", unit === undefined ? name : `${name}, as the service`)];
  const found = `looks as ${name}, the service runs as ${unit.user}`;
  return [complain(SECTION, "account", warning("account", found, `sudo -u ${unit.user} vscope doctor`))];
}
