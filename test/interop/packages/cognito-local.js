import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listener, serve } from './serve.js'

/** What it is set up with, over the API of Cognito. */
async function call(origin, target, body) {
  const response = await fetch(origin, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${target}`,
    },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${target}: ${response.status} ${text}`)
  return text && JSON.parse(text)
}

/**
 * Its key is one that comes with the package, and its metadata names another port than the one that it listens on: what is asked is a
 * proxy that puts the right one.
 */
serve(async ({ origin, port, people, callbacks }) => {
  const folder = mkdtempSync(join(tmpdir(), 'cognito-local-'))
  process.on('exit', () => rmSync(folder, { recursive: true }))
  process.chdir(folder)
  mkdirSync('.cognito')
  writeFileSync('.cognito/config.json', JSON.stringify({ TokenConfig: { IssuerDomain: origin } }))
  Object.assign(process.env, { PORT: String(port), HOST: '127.0.0.1' })
  const { createDefaultServer } = await import('cognito-local')
  const { default: pino } = await import('pino')
  await (await createDefaultServer(pino({ level: 'silent' }))).start()

  const inner = `http://127.0.0.1:${port}`
  const { UserPool } = await call(inner, 'CreateUserPool', { PoolName: 'people' })
  const pool = { UserPoolId: UserPool.Id }
  const clients = {}
  for (const [name, callback] of Object.entries(callbacks)) {
    const body = { ...pool, ClientName: name, CallbackURLs: [callback] }
    clients[name] = (await call(inner, 'CreateUserPoolClient', body)).UserPoolClient.ClientId
  }
  const subjects = {}
  for (const name of people) {
    const Username = `${name}@example.com`
    const UserAttributes = [
      { Name: 'email', Value: Username },
      { Name: 'email_verified', Value: 'true' },
    ]
    const { User } = await call(inner, 'AdminCreateUser', {
      ...pool,
      Username,
      UserAttributes,
      MessageAction: 'SUPPRESS',
    })
    subjects[name] = User.Attributes.find(({ Name }) => Name === 'sub').Value
    await call(inner, 'AdminSetUserPassword', { ...pool, Username, Password: 'Password-1', Permanent: true })
  }

  const front = listener(origin, async (request, response) => {
    const { method, url, headers } = request
    const body = method === 'POST' ? request : undefined
    const answer = await fetch(inner + url, {
      method,
      headers: withoutHop(headers),
      body,
      duplex: 'half',
      redirect: 'manual',
    })
    const text = (await answer.text()).replaceAll('http://localhost:9229', origin)
    const kept = [...answer.headers].filter(([name]) => name === 'location' || name === 'content-type')
    response.writeHead(answer.status, Object.fromEntries(kept)).end(text)
  })
  return {
    ...front,
    known: () => ({ poolId: UserPool.Id, clients, subjects }),
    removePerson: name => call(inner, 'AdminDeleteUser', { ...pool, Username: `${name}@example.com` }),
  }
})

function withoutHop({ connection, host, 'content-length': length, 'transfer-encoding': encoding, ...headers }) {
  return headers
}
