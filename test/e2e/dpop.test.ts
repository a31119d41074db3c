import { describe, expect, it } from 'vitest'
import { createClient } from '../demo-as/support.ts'
import { createProofHolder } from '../support/proof-holder.ts'
import { initializeWith } from './call-with.ts'
import { startProcesses } from './processes.ts'
import { startServers } from './servers.ts'

async function call(resource: string, credentials: Record<string, string>) {
  const { headers, status } = await initializeWith(resource, credentials)
  return { status, challenge: headers.get('www-authenticate') ?? '' }
}

describe.each(['opaque', 'jwt'])('a client that asks for a bound token (DPoP), %s', format => {
  it('gets one that is good with a proof of its key, and neither without nor with that of another', async () => {
    const { resource, issuer } = await startServers({ ACCESS_TOKEN_FORMAT: format })
    const client = createClient(issuer)
    const holder = await createProofHolder()
    const endpoint = `${issuer}/oauth/token`
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id, { resource })
    const { json: tokens } = await client.token(fields, { DPoP: await holder.prove(endpoint) })
    expect(tokens.token_type).toBe('DPoP')
    const { access_token: token } = tokens

    const proof = await holder.prove(resource, token)
    expect((await call(resource, { Authorization: `DPoP ${token}`, DPoP: proof })).status).toBe(200)
    const replayed = await call(resource, { Authorization: `DPoP ${token}`, DPoP: proof })
    expect(replayed).toMatchObject({ status: 401, challenge: expect.stringContaining('error="invalid_dpop_proof"') })
    expect(replayed.challenge).toMatch(/^DPoP /)

    expect(await call(resource, { Authorization: `Bearer ${token}` })).toMatchObject({
      status: 401,
      challenge: expect.stringContaining('error="invalid_token"'),
    })
    const thief = await createProofHolder()
    const stolen = { Authorization: `DPoP ${token}`, DPoP: await thief.prove(resource, token) }
    expect((await call(resource, stolen)).status).toBe(401)
  })

  it('keeps the key through a refresh, and nobody refreshes with another key', async () => {
    const { resource, issuer } = await startServers({ ACCESS_TOKEN_FORMAT: format })
    const client = createClient(issuer)
    const [holder, thief] = [await createProofHolder(), await createProofHolder()]
    const endpoint = `${issuer}/oauth/token`
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id, { resource })
    const { json: tokens } = await client.token(fields, { DPoP: await holder.prove(endpoint) })
    const refresh = { grant_type: 'refresh_token', client_id: json.client_id, refresh_token: tokens.refresh_token }

    expect((await client.token(refresh, { DPoP: await thief.prove(endpoint) })).status).toBe(400)
    expect((await client.token(refresh)).status).toBe(400)
    const { status, json: renewed } = await client.token(refresh, { DPoP: await holder.prove(endpoint) })
    expect(status).toBe(200)
    // Within the grace period too, only the holder of the key is answered again.
    expect((await client.token(refresh, { DPoP: await thief.prove(endpoint) })).status).toBe(400)
    const again = await client.token(refresh, { DPoP: await holder.prove(endpoint) })
    expect(again.json).toEqual(renewed)
    const headers = { Authorization: `DPoP ${renewed.access_token}` }
    const proof = await holder.prove(resource, renewed.access_token)
    expect((await call(resource, { ...headers, DPoP: proof })).status).toBe(200)
  })
})

it('two processes take a proof once between them', async () => {
  const { resource, issuer } = await startProcesses()
  const client = createClient(issuer)
  const holder = await createProofHolder()
  const { json } = await client.register()
  const { fields } = await client.obtainCode(json.client_id, { resource })
  const { json: tokens } = await client.token(fields, { DPoP: await holder.prove(`${issuer}/oauth/token`) })
  const proof = await holder.prove(resource, tokens.access_token)
  const headers = { Authorization: `DPoP ${tokens.access_token}`, DPoP: proof }
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(resource, headers)))
  expect(answers.map(({ status }) => status).filter(status => status === 200)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
})
