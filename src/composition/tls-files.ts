// The files of certificates and keys that the configuration names, read and held against each other, so that a mistake is
// told with the names of the files and not in the words of OpenSSL alone.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { TlsCredentials } from "../coap/server.ts";
import { readConfigFile, type ServerConfig } from "../config/server-config.ts";

/** Throws CONFIG_INVALID when a file cannot be read or used, or one of certificate and key is missing. */
export async function readTlsFiles(coap: ServerConfig["coap"]): Promise<Omit<TlsCredentials, "psk">> {
  const { tlsCertificate, tlsKey, tlsClientCa } = coap;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined))
    throw invalid("coap.tls_certificate, coap.tls_key: one of them is missing");
  const clientCa = tlsClientCa === undefined ? undefined : await textOf("tls_client_ca", tlsClientCa);
  if (tlsClientCa !== undefined) certificateOf("tls_client_ca", tlsClientCa, clientCa ?? "");
  const ca = clientCa === undefined ? {} : { clientCa };
  if (tlsCertificate === undefined || tlsKey === undefined) return ca;
  const certificate = await textOf("tls_certificate", tlsCertificate);
  const key = await textOf("tls_key", tlsKey);
  const parsed = certificateOf("tls_certificate", tlsCertificate, certificate);
  if (!parsed.checkPrivateKey(privateKeyOf(tlsKey, key)))
    throw invalid(`coap.tls_key: ${tlsKey} is not the key of the certificate in ${tlsCertificate}`);
  return { ...ca, certificate, key };
}

async function textOf(setting: string, file: string): Promise<string> {
  try {
    return await readConfigFile(file);
  } catch (cause) {
    throw invalid(`coap.${setting}: ${messageOf(cause)}`, cause);
  }
}

function certificateOf(setting: string, file: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw invalid(`coap.${setting}: no certificate (PEM) in ${file}`, cause);
  }
}

function privateKeyOf(file: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw invalid(`coap.tls_key: no private key (PEM, without a passphrase) in ${file}`, cause);
  }
}

function invalid(fact: string, cause?: unknown): VscopeError {
  return new VscopeError("CONFIG_INVALID", fact, { cause });
}
