// Ports of the configuration that two services are to have: only one of them could be opened.

/** What a service of TCP would listen on, with its key in [coap]; in the order in which they are opened. */
export interface TcpPorts {
  readonly port?: number | undefined;
  readonly tls_port?: number | undefined;
  readonly websocket_port?: number | undefined;
  readonly websocket_tls_port?: number | undefined;
}

export interface PortClash {
  readonly key: string;
  /** "5783 is coap.port already". */
  readonly fact: string;
}

/** Undefined when every service has its own; 0 is another port each time. */
export function portClashIn(ports: TcpPorts): PortClash | undefined {
  const taken = new Map<number, string>();
  for (const key of ["port", "tls_port", "websocket_port", "websocket_tls_port"] as const) {
    const port = ports[key];
    if (port === undefined || port === 0) continue;
    const before = taken.get(port);
    if (before !== undefined) return { key, fact: `${port} is coap.${before} already` };
    taken.set(port, key);
  }
  return undefined;
}
