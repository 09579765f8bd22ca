// All messages that an OBP device understands, by its protocol and by what the model can do.
// A message that is in no table is refused as unknown (error 2), as a real device does with features that it lacks.

import type { Feature } from "../../drivers/oceanoptics/model.ts";
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
  const features = new Set<Feature>(device.model.features);
  return new Map([
    ...identityMessages(device),
    ...acquisitionMessages(device),
    ...calibrationMessages(device, features),
    ...lineMessages(device, features),
    ...processingMessages(device, features),
    ...(features.has("data-buffer") ? bufferMessages(device) : []),
    ...(features.has("fast-buffer") ? fastBufferMessages(device) : []),
    ...(features.has("tec") ? coolerMessages(device) : []),
    ...(features.has("temperature") ? temperatureMessages(device) : []),
    ...(features.has("optical-bench") ? benchMessages(device) : []),
    ...(features.has("binning") ? binningMessages(device) : []),
    ...(features.has("gpio") ? gpioMessages(device) : []),
    ...(features.has("multicast") ? multicastMessages() : []),
  ]);
}
