import { readFileSync } from 'node:fs'
import { getCACertificates, rootCertificates } from 'node:tls'

/**
 * Authorities for the certificate of a store.
 *
 * @param caFile - PEM of further ones, besides those that Node trusts.
 * @returns `undefined` for those of Node alone.
 * @throws {Error} The file cannot be read.
 */
export function authorities(caFile: string | undefined): string[] | undefined {
  if (caFile === undefined) return undefined
  // Naming any replaces Node's own, NODE_EXTRA_CA_CERTS included.
  return [...(getCACertificates?.('default') ?? rootCertificates), readFileSync(caFile, 'utf8')]
}

/** @returns What to do about an error of TLS; `undefined` for other errors. */
export function tlsProblem(code: string): string | undefined {
  if (UNTRUSTED.has(code)) {
    return `its certificate is not trusted (${code}): name the authority that signed it in AUTH_CA_FILE or NODE_EXTRA_CA_CERTS`
  }
  return WORDS[code]
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another host name: write the one that the certificate names in the URL',
}
