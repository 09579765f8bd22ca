// The Raspberry Pi's own supply: what its firmware says about under-voltage and throttling. Nothing on other computers.

import type { Computer } from "./computer.ts";
import { type Complaint, complain, fault, type Finding, fine, warning } from "./finding.ts";

const SECTION = "power";
/** Documented with `vcgencmd get_throttled`. */
const THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled";
const HWMON = "/sys/class/hwmon";

const SUPPLY =
  "a supply of 5.1 V and 3 A (Pi 5: 5 A) with a short, thick cable; spectrometers on a powered hub";
const COOLING = "more cooling, or a better supply: the processor is slowed down for heat or want of power";

interface Bit {
  readonly bit: number;
  readonly make: typeof fault;
  readonly text: string;
  readonly mend: string;
  /** The bit that says the same of now. */
  readonly impliedBy?: number;
}

const BITS: readonly Bit[] = [
  { bit: 0, make: fault, text: "under-voltage now (below 4.63 V)", mend: SUPPLY },
  { bit: 2, make: warning, text: "throttled now", mend: COOLING },
  { bit: 16, make: warning, text: "there was under-voltage since the start", mend: SUPPLY, impliedBy: 0 },
  { bit: 18, make: warning, text: "was throttled since the start", mend: COOLING, impliedBy: 2 },
];

export async function checkPower(computer: Computer): Promise<readonly Finding[]> {
  const text = await computer.text(THROTTLED);
  if (text !== undefined && /^(0x)?[0-9a-f]+$/i.test(text)) return throttled(Number.parseInt(text, 16));
  return await voltageAlarm(computer);
}

function throttled(flags: number): readonly Finding[] {
  const isSet = (bit: number): boolean => Math.floor(flags / 2 ** bit) % 2 === 1;
  const raised = BITS.filter(
    ({ bit, impliedBy }) => isSet(bit) && (impliedBy === undefined || !isSet(impliedBy)),
  );
  const word = `0x${flags.toString(16)}`;
  if (raised.length === 0)
    return [fine(SECTION, "under-voltage", "Raspberry Pi", `no under-voltage, not throttled (${word})`)];
  return raised.map(({ bit, make, text, mend }) => {
    const check = bit % 16 === 0 ? "under-voltage" : "throttled";
    return complain(SECTION, "Raspberry Pi", make(check, `${text} (bit ${bit} of ${word})`, mend));
  });
}

// The kernel's raspberrypi-hwmon driver, where the firmware's word is not to be had.
async function voltageAlarm(computer: Computer): Promise<readonly Finding[]> {
  for (const name of await computer.names(HWMON)) {
    if ((await computer.text(`${HWMON}/${name}/name`)) !== "rpi_volt") continue;
    const alarm = await computer.number(`${HWMON}/${name}/in0_lcrit_alarm`);
    if (alarm === undefined) continue;
    const complaint: Complaint = fault(
      "under-voltage",
      `under-voltage (${name}, in0_lcrit_alarm = ${alarm})`,
      SUPPLY,
    );
    return alarm === 0
      ? [fine(SECTION, "under-voltage", "Raspberry Pi", `no under-voltage (${name})`)]
      : [complain(SECTION, "Raspberry Pi", complaint)];
  }
  return [];
}
