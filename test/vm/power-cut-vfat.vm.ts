// A stick as it comes from the shop, and the power goes while the server records onto it: see rig/power-cuts.ts. A file of
// its own, so that another group of scenarios runs beside it.

import { testPowerCuts } from "./rig/power-cuts.ts";

testPowerCuts("vfat");
