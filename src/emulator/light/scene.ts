// The scene: the light in front of the fibres. Each channel sees the sky directly or by a target, through its own
// shutter; all channels lead into each spectrometer, so a detector sees the sum of the open ones.

import { type Clock, SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { seedOf } from "../random.ts";
import { Aperture } from "./aperture.ts";
import { airColumn, groundIrradiance, sunPath } from "./atmosphere.ts";
import { Clouds } from "./clouds.ts";
import { type SourceName, sourceNamed } from "./lamps.ts";
import { MIDNIGHT_SUN, type Site, sunElevationDeg } from "./site.ts";
import { targetNamed, TARGETS, type TargetName } from "./targets.ts";

export interface SceneOptions {
  readonly seed?: number;
  /** What each channel looks at. Default: downwelling at the sky, upwelling at a canopy. */
  readonly channels?: Readonly<Record<string, TargetName>>;
  /** The sun, or a lamp in front of every fibre. */
  readonly source?: SourceName;
  readonly site?: Site;
  /** 0 is a clear sky, 1 can cover it all. */
  readonly cloudStrength?: number;
}

/** Seconds of light that an exposure gathered through one channel: of the direct beam and of the clear sky. */
export interface GatheredLight {
  readonly channel: string;
  readonly beamSeconds: number;
  readonly skySeconds: number;
}

/** Clouds are looked at this often during a long exposure. */
const SLICE_US = SECOND;
const MOST_SLICES = 100;

export class Scene {
  readonly channels: readonly string[];
  /** Of a neutral filter in front of every fibre: 1 is none, more is light beyond the source's. */
  transmission = 1;
  readonly #targets: Map<string, TargetName>;
  readonly #apertures = new Map<string, Aperture>();
  readonly #site: Site;
  readonly #clouds: Clouds;
  readonly #utcOffsetUs: number;
  #source: SourceName;

  constructor(clock: Clock, options: SceneOptions = {}) {
    const channels = options.channels ?? { downwelling: "sky", upwelling: "canopy" };
    this.#source = options.source ?? "sun";
    this.#targets = new Map(Object.entries(channels));
    this.channels = [...this.#targets.keys()];
    for (const channel of this.channels) this.#apertures.set(channel, new Aperture(true));
    this.#site = options.site ?? MIDNIGHT_SUN;
    this.#clouds = new Clouds(seedOf(options.seed ?? 1, "clouds"), options.cloudStrength ?? 0.1);
    // Taken once, so that a jump of the wall clock does not move the sun.
    this.#utcOffsetUs = clock.utcUs() - clock.nowUs();
  }

  get source(): SourceName {
    return this.#source;
  }

  /** Somebody puts a lamp in front of every fibre, or takes it away. Throws VALUE_INVALID for an unknown one. */
  setSource(name: string): void {
    this.#source = sourceNamed(name);
  }

  /** The opening that a channel's shutter leaves; open as long as no shutter mechanism has taken it over. */
  aperture(channel: string): Aperture {
    return this.#of(this.#apertures, channel);
  }

  /** Gives a channel a shutter of its own in a known position. */
  fitShutter(channel: string, isOpen: boolean): Aperture {
    this.#of(this.#targets, channel);
    const aperture = new Aperture(isOpen);
    this.#apertures.set(channel, aperture);
    return aperture;
  }

  /** What a channel looks at. */
  targetOf(channel: string): TargetName {
    return this.#of(this.#targets, channel);
  }

  /** Somebody puts another target in front of a channel. Throws VALUE_INVALID for a name that is none of a target. */
  setTarget(channel: string, name: string): void {
    this.#of(this.#targets, channel);
    this.#targets.set(channel, targetNamed(name));
  }

  /** The truth for tests: what share of the downwelling light the channel receives. 1 for the sky itself and for lamps. */
  reflectance(channel: string, nm: number): number {
    const target = this.#of(this.#targets, channel);
    return this.source === "sun" ? TARGETS[target](nm) : 1;
  }

  /** Elevation of the sun at a moment of `Clock.nowUs`. */
  elevationDeg(atUs: number): number {
    return sunElevationDeg(this.#site, atUs + this.#utcOffsetUs);
  }

  /** Sunlight before the channel's shutter at a moment of `Clock.nowUs`, W m-2 nm-1; clouds included. */
  irradianceAt(channel: string, nm: number, atUs: number): number {
    const { beam, sky } = groundIrradiance(airColumn(nm), sunPath(this.elevationDeg(atUs)));
    const factors = this.#clouds.factors(atUs + this.#utcOffsetUs);
    return (beam * factors.beam + sky * factors.sky) * this.reflectance(channel, nm);
  }

  /** What an exposure over [fromUs, toUs] gathers through each channel that was open at all. */
  gather(fromUs: number, toUs: number): GatheredLight[] {
    return this.channels.flatMap((channel) => {
      const aperture = this.aperture(channel);
      if (aperture.openUs(fromUs, toUs) === 0) return [];
      const slices = Math.min(Math.max(Math.ceil((toUs - fromUs) / SLICE_US), 1), MOST_SLICES);
      let beamSeconds = 0;
      let skySeconds = 0;
      for (let slice = 0; slice < slices; slice++) {
        const startUs = fromUs + ((toUs - fromUs) * slice) / slices;
        const endUs = fromUs + ((toUs - fromUs) * (slice + 1)) / slices;
        const openSeconds = aperture.openUs(startUs, endUs) / SECOND;
        const { beam, sky } = this.#weather((startUs + endUs) / 2);
        beamSeconds += openSeconds * beam;
        skySeconds += openSeconds * sky;
      }
      const { transmission } = this;
      return [{ channel, beamSeconds: beamSeconds * transmission, skySeconds: skySeconds * transmission }];
    });
  }

  #weather(atUs: number): { readonly beam: number; readonly sky: number } {
    return this.source === "sun" ? this.#clouds.factors(atUs + this.#utcOffsetUs) : { beam: 1, sky: 0 };
  }

  #of<T>(map: ReadonlyMap<string, T>, channel: string): T {
    const found = map.get(channel);
    if (found === undefined)
      throw new VscopeError("RESOURCE_NOT_FOUND", `scene: there is no channel ${channel}`);
    return found;
  }
}
