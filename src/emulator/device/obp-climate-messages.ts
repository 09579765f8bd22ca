// OBP messages about temperatures and the cooler.

import { f32, u8 } from "./bytes.ts";
import { askFlag, flag, float, type Handlers, type ObpCore } from "./obp-core.ts";
import { REFUSAL } from "./obp-framing.ts";

/** The board is warmer than the room by this. */
const BOARD_K = 8;

export function coolerMessages({ detector: { cooler }, clock }: ObpCore): Handlers {
  return [
    [0x0042_0000, askFlag(() => cooler.enabled)],
    [0x0042_0001, () => f32(cooler.setpointC)],
    [0x0042_0002, askFlag(() => cooler.isFanOn)],
    [0x0042_0003, askFlag(() => cooler.isStable(clock.nowUs()))],
    [0x0042_0004, () => f32(cooler.temperatureC(clock.nowUs()))],
    [0x0042_0010, flag((isOn) => cooler.setEnabled(isOn, clock.nowUs()))],
    [0x0042_0011, float((celsius) => cooler.setSetpointC(celsius, clock.nowUs()))],
    [0x0042_0012, flag((isOn) => cooler.setFan(isOn, clock.nowUs()))],
  ];
}

/** Sensor 0 is at the detector, 1 on the board. */
export function temperatureMessages({ detector: { cooler }, clock }: ObpCore): Handlers {
  const sensors = [
    (): number => cooler.temperatureC(clock.nowUs()),
    (): number => cooler.roomC(clock.nowUs()) + BOARD_K,
  ];
  return [
    [0x0040_0000, () => u8(sensors.length)],
    [
      0x0040_0001,
      (data) => {
        if (data.length !== 1) return REFUSAL.wrongLength;
        const sensor = sensors[data[0] ?? sensors.length];
        return sensor === undefined ? REFUSAL.invalidData : f32(sensor());
      },
    ],
    [0x0040_0002, () => f32(...sensors.map((sensor) => sensor()))],
  ];
}
