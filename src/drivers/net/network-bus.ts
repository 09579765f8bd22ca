// Spectrometers on the network as devices of a bus. Fixed addresses are always listed, on or off: whoever opens them is
// told. Others are found by a search that is repeated; one that is neither open nor answers three times has gone.

import { NEVER } from "../../base/abort.ts";
import { SECOND } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { UsbBus, UsbDevice, UsbListener } from "../usb/port.ts";
import { NetworkDevice } from "./network-device.ts";
import { addressText, type SocketAddress } from "./port.ts";
import { type Found, search, type SearchOptions } from "./search.ts";

const SEARCH_EVERY_US = 30 * SECOND;
const MISSED_SEARCHES = 3;

export interface NetworkBusOptions extends Omit<SearchOptions, "group"> {
  readonly log: Log;
  readonly addresses: readonly SocketAddress[];
  /** The multicast group to search; nothing is searched when absent. */
  readonly group?: SocketAddress;
}

interface FoundDevice {
  readonly device: NetworkDevice;
  /** Searches in a row that it has not answered. */
  missed: number;
}

export class NetworkBus implements UsbBus {
  readonly #options: NetworkBusOptions;
  readonly #fixed: ReadonlyMap<string, NetworkDevice>;
  readonly #found = new Map<string, FoundDevice>();
  readonly #listeners = new Set<UsbListener>();
  #searching: AbortController | undefined;
  #firstSearch: Promise<void> | undefined;
  #hasFailed = false;

  constructor(options: NetworkBusOptions) {
    this.#options = options;
    const devices = options.addresses.map((address) => new NetworkDevice({ ...options, address }));
    this.#fixed = new Map(devices.map((device) => [device.portPath, device]));
  }

  /** Waits for the first search. */
  async list(): Promise<readonly UsbDevice[]> {
    this.#firstSearch ??= this.#search(NEVER);
    await this.#firstSearch;
    return [...this.#fixed.values(), ...[...this.#found.values()].map(({ device }) => device)];
  }

  watch(listener: UsbListener): () => void {
    const entry: UsbListener = {
      attached: (device) => listener.attached(device),
      detached: (device) => listener.detached(device),
    };
    this.#listeners.add(entry);
    this.#startSearching();
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size > 0) return;
      this.#searching?.abort();
      this.#searching = undefined;
    };
  }

  #startSearching(): void {
    if (this.#options.group === undefined || this.#searching !== undefined) return;
    this.#searching = new AbortController();
    const { signal } = this.#searching;
    const first = this.#search(signal);
    this.#firstSearch ??= first;
    void this.#repeat(first, signal);
  }

  // Ends with the signal. Never rejects.
  async #repeat(first: Promise<void>, signal: AbortSignal): Promise<void> {
    await first;
    while (!signal.aborted) {
      await Promise.allSettled([this.#options.clock.delay(SEARCH_EVERY_US, signal)]);
      if (!signal.aborted) await this.#search(signal);
    }
  }

  // Never rejects: a network that is down now may be up at the next search.
  async #search(signal: AbortSignal): Promise<void> {
    const { group, log } = this.#options;
    if (group === undefined) return;
    try {
      const found = await search({ ...this.#options, group }, signal);
      if (signal.aborted) return;
      this.#hasFailed = false;
      this.#update(found);
    } catch (error) {
      if (signal.aborted || this.#hasFailed) return;
      this.#hasFailed = true;
      log.warn({ reason: messageOf(error) }, "network: spectrometers cannot be searched for");
    }
  }

  #update(found: readonly Found[]): void {
    const answers = new Map(found.map((one) => [addressText(one.address), one]));
    for (const [portPath, entry] of this.#found) {
      const answer = answers.get(portPath);
      const isSame = answer?.productId === entry.device.productId;
      entry.missed = isSame || entry.device.isOpen ? 0 : entry.missed + 1;
      // Another product at this address is another device.
      if (entry.missed >= MISSED_SEARCHES || (answer !== undefined && !isSame && !entry.device.isOpen))
        this.#remove(entry.device);
    }
    for (const answer of found) this.#add(answer);
  }

  #add({ address, productId }: Found): void {
    const portPath = addressText(address);
    if (this.#fixed.has(portPath) || this.#found.has(portPath)) return;
    const device = new NetworkDevice({ ...this.#options, address, productId });
    this.#found.set(portPath, { device, missed: 0 });
    this.#options.log.info({ address: portPath }, `network ${portPath}: a spectrometer answers`);
    for (const listener of this.#listeners) listener.attached(device);
  }

  #remove(device: NetworkDevice): void {
    this.#found.delete(device.portPath);
    for (const listener of this.#listeners) listener.detached(device);
  }
}
