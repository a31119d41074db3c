import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { onTestFinished } from 'vitest'
import { certificateOf } from '../../emulators/core/certificate.ts'

/** A key and a certificate for it that nobody else signed, as PEM. */
export function selfSigned(hostname: string): { key: string; cert: string } {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [certificate] = certificateOf({ kid: hostname, alg: 'RS256', privateKey }, hostname).x5c
  const cert = `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert }
}

/**
 * Serves https under a host name, on a free port of the loopback interface, until the test ends. This process trusts the
 * certificate; to find the host, name look-ups have to be led to 127.0.0.1.
 *
 * @returns `host:port`.
 */
export async function listenHttps(hostname: string, listener: RequestListener): Promise<string> {
  const { key, cert } = selfSigned(hostname)
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, cert])
  const server = createServer({ key, cert }, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    setDefaultCACertificates(before)
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return `${hostname}:${(server.address() as AddressInfo).port}`
}
