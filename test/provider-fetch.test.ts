import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { certificateOf } from '../emulators/core/certificate.ts'
import { ConfigError } from '../src/config-error.ts'
import { createProviderFetch, restrictedFetch } from '../src/provider-fetch.ts'

/** A server whose certificate no authority of Node's has signed, and a file that holds it. */
async function listenHttps(): Promise<{ url: string; caFile: string }> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [certificate] = certificateOf({ kid: 'localhost', alg: 'RS256', privateKey }, 'localhost').x5c
  const cert = `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const server = createServer({ key, cert }, (_request, response) => response.end('{"reached":true}'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
  const caFile = join(folder, 'ca.pem')
  writeFileSync(caFile, cert)
  onTestFinished(async () => {
    rmSync(folder, { recursive: true })
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}/`, caFile }
}

test('trusts the authorities in the file that AUTH_CA_FILE names', async () => {
  const { url, caFile } = await listenHttps()
  const response = await createProviderFetch({ AUTH_CA_FILE: caFile })(url)
  expect(await response.json()).toEqual({ reached: true })
})

test('trusts no certificate of an authority that nobody named', async () => {
  const { url } = await listenHttps()
  const { caFile } = await listenHttps()
  for (const env of [{}, { AUTH_CA_FILE: caFile }]) {
    await expect(createProviderFetch(env)(url)).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/CERT|SIGNED/) },
    })
  }
})

test('says which setting names a file that cannot be read', () => {
  const make = () => createProviderFetch({ AUTH_CA_FILE: '/nowhere/ca.pem' })
  expect(make).toThrow(ConfigError)
  expect(make).toThrow(/AUTH_CA_FILE/)
})

test.each(['', 'http://'])('goes through a proxy that is named as curl takes it: %s127.0.0.1:PORT', async scheme => {
  const asked: (string | undefined)[] = []
  const proxy = createPlainServer().on('connect', ({ url }, socket) => {
    asked.push(url)
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void proxy.close())
  const HTTPS_PROXY = `${scheme}127.0.0.1:${(proxy.address() as AddressInfo).port}`
  await expect(createProviderFetch({ HTTPS_PROXY })('https://provider.example/')).rejects.toThrow()
  expect(asked).toEqual(['provider.example:443'])
})

test('restricted, it asks over http only on loopback and at hosts that are named', async () => {
  const asked: string[] = []
  const fetch = restrictedFetch(
    async input => {
      asked.push(String(input))
      return Response.json({})
    },
    ['keycloak:8080'],
  )
  for (const url of ['https://id.example.com/', 'http://localhost:1/', 'http://keycloak:8080/']) await fetch(url)
  for (const url of ['http://keycloak/', 'http://id.example.com/', 'http://other:8080/']) {
    await expect(fetch(url)).rejects.toThrow('AUTH_INSECURE_HOSTS')
  }
  expect(asked).toEqual(['https://id.example.com/', 'http://localhost:1/', 'http://keycloak:8080/'])
})
