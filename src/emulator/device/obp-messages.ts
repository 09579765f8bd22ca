// All messages that an OBP device understands, by its protocol and by what the model can do.
// A message that is in no table is refused as unknown (error 2), as a real device does with features that it lacks.

import { abilitiesOf } from "./abilities.ts";
import { acquisitionMessages, binningMessages, processingMessages } from "./obp-acquisition-messages.ts";
import { bufferMessages, fastBufferMessages } from "./obp-buffer-messages.ts";
import { calibrationMessages } from "./obp-calibration-messages.ts";
import { coolerMessages, temperatureMessages } from "./obp-climate-messages.ts";
import type { Handler, ObpCore } from "./obp-core.ts";
import { benchMessages, identityMessages } from "./obp-identity-messages.ts";
import { gpioMessages, lineMessages } from "./obp-line-messages.ts";
import { multicastMessages } from "./obp-network-messages.ts";
import { obp2Messages } from "./obp2-messages.ts";

export function handlersOf(device: ObpCore): ReadonlyMap<number, Handler> {
  if (device.model.protocol === "obp2") return new Map(obp2Messages(device));
  const abilities = abilitiesOf(device.model);
  return new Map([
    ...identityMessages(device),
    ...acquisitionMessages(device),
    ...calibrationMessages(device, abilities),
    ...lineMessages(device, abilities),
    ...processingMessages(device, abilities),
    ...(abilities.has("data-buffer") ? bufferMessages(device) : []),
    ...(abilities.has("fast-buffer") ? fastBufferMessages(device) : []),
    ...(abilities.has("tec") ? coolerMessages(device) : []),
    ...(abilities.has("temperature") ? temperatureMessages(device) : []),
    ...(abilities.has("optical-bench") ? benchMessages(device) : []),
    ...(abilities.has("binning") ? binningMessages(device) : []),
    ...(abilities.has("gpio") ? gpioMessages(device) : []),
    ...(abilities.has("multicast") ? multicastMessages() : []),
  ]);
}
