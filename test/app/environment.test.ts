import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Reader, withEnvFile } from '../../app/environment.ts'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'
import { freePort, listen } from '../support/http.ts'
import { listenHttps } from '../support/https.ts'
import { type Program, runProgram, startProgram } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

/** A folder with files in it. */
function folderWith(files: Record<string, string>): string {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** What `.env` adds to an environment, and the line about it. */
function added(text: string, { reader = 'server', env = {} }: { reader?: Reader; env?: Record<string, string> } = {}) {
  const folder = folderWith({ '.env': text })
  const read = withEnvFile(env, folder, reader)
  return { ...read, folder, summary: read.summary?.replace(folder, '') }
}

/** What a check of the configuration throws; `undefined` when it passes. */
function configError(check: () => unknown): ConfigError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

function run(cwd: string, args: readonly string[], env: Record<string, string> = {}) {
  return startProgram(args, { cwd, env, input: 'some-token' })
}

/** Runs a program in the folder to its end. */
const idplug = (cwd: string, args: readonly string[], env: Record<string, string> = {}) =>
  runProgram(args, { cwd, env, input: 'some-token' })

async function stopped({ child, ended }: Program): Promise<void> {
  child.kill('SIGINT')
  await ended
}

describe('.env', () => {
  it('adds known settings to what is set, and nothing else', () => {
    const text = `# ours
AUTH_PROVIDER=auth0
AUTH0_DOMAIN=acme.eu.auth0.com
PORT=4000
NODE_ENV=production
DEMO_RS_CLIENT_SECRET_FILE=/run/secrets/demo
POSTGRES_PASSWORD=hunter2
GITHUB_TOKEN=ghp_x
HTTPS_PROXY=http://proxy.example
https_proxy=http://proxy.example
NO_PROXY=*
NODE_TLS_REJECT_UNAUTHORIZED=0
NODE_EXTRA_CA_CERTS=evil.pem
NODE_OPTIONS=--import ./evil.mjs
IDPLUG_TOKENS=/tmp/tokens
PATH=/tmp`
    const { env, summary } = added(text, { env: { PORT: '5000', PATH: '/bin' } })
    expect(env).toEqual({
      PATH: '/bin',
      PORT: '5000',
      AUTH_PROVIDER: 'auth0',
      AUTH0_DOMAIN: 'acme.eu.auth0.com',
      NODE_ENV: 'production',
      DEMO_RS_CLIENT_SECRET_FILE: '/run/secrets/demo',
    })
    expect(summary).toBe(
      'Read /.env: AUTH0_DOMAIN, AUTH_PROVIDER, DEMO_RS_CLIENT_SECRET_FILE, NODE_ENV. Not read from it: HTTPS_PROXY, NODE_EXTRA_CA_CERTS, NODE_OPTIONS, NODE_TLS_REJECT_UNAUTHORIZED, NO_PROXY, https_proxy; set that in the environment.',
    )
  })

  it('is read in UTF-16 as well, which Windows PowerShell writes', () => {
    const folder = folderWith({})
    const bytes = Buffer.from('\uFEFFAUTH_PROVIDER=auth0\r\nAUTH0_DOMAIN=acme.eu.auth0.com\r\n', 'utf16le')
    for (const written of [bytes, Buffer.from(bytes).swap16()]) {
      writeFileSync(join(folder, '.env'), written)
      expect(withEnvFile({}, folder, 'server').env).toEqual({
        AUTH_PROVIDER: 'auth0',
        AUTH0_DOMAIN: 'acme.eu.auth0.com',
      })
    }
  })

  it('leaves the environment of the process as it is', () => {
    const before = { ...process.env }
    const folder = folderWith({ '.env': 'AUTH_PROVIDER=demo\nNODE_TLS_REJECT_UNAUTHORIZED=0\nEVIL=1\n' })
    expect(withEnvFile(process.env, folder, 'server').env.AUTH_PROVIDER).toBe('demo')
    expect({ ...process.env }).toEqual(before)
  })

  it('yields to what is set, also to an empty value', () => {
    expect(added('AUTH_PROVIDER=auth0', { env: { AUTH_PROVIDER: '' } }).env).toEqual({ AUTH_PROVIDER: '' })
  })

  it('may hold what the configuration of the user refers to', () => {
    const own = {
      adapter: 'introspection',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how the files refer to the environment.
      metadataUrl: 'https://${ACME_HOST}',
      clientSecretEnv: 'ACME_SECRET',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how the files refer to the environment.
      audience: '${HTTPS_PROXY:-}',
    }
    const clients = { clients: [{ clientSecretEnv: 'NIGHTLY_SECRET' }] }
    const folder = folderWith({ 'own.json': JSON.stringify(own), 'clients.json': JSON.stringify(clients) })
    const config = `AUTH_CONFIG=${folder}/own.json\nAUTH_CLIENTS_FILE=${folder}/clients.json\n`
    const { env } = added(`${config}ACME_HOST=x\nACME_SECRET=x\nNIGHTLY_SECRET=x\nHTTPS_PROXY=x\nACME_OTHER=x\n`)
    const names = ['AUTH_CONFIG', 'AUTH_CLIENTS_FILE', 'ACME_HOST', 'ACME_SECRET', 'NIGHTLY_SECRET']
    expect(Object.keys(env).toSorted()).toEqual(names.toSorted())
  })

  it('may begin with a byte order mark, and may not be there', () => {
    expect(added('\uFEFFAUTH_PROVIDER=demo\r\nPORT=1\r\n').env).toEqual({ AUTH_PROVIDER: 'demo', PORT: '1' })
    expect(withEnvFile({ A: '1' }, folderWith({}), 'server')).toEqual({ env: { A: '1' } })
    const folder = folderWith({})
    mkdirSync(join(folder, '.env'))
    expect(withEnvFile({}, folder, 'server')).toEqual({
      env: {},
      summary: `${folder}/.env is a folder: no settings are read from it.`,
    })
    // Of Python, which many keep there.
    writeFileSync(join(folder, '.env', 'pyvenv.cfg'), '')
    expect(withEnvFile({}, folder, 'server')).toEqual({ env: {} })
  })

  it('that cannot be read is said in words', async () => {
    const folder = folderWith({})
    symlinkSync('.env', join(folder, '.env'))
    expect(() => withEnvFile({}, folder, 'server')).toThrow(`${folder}/.env: cannot be read (ELOOP)`)
    for (const args of [[], ['doctor'], ['keys', 'list'], ['migrate', 'link', '--pairs', 'x.csv']]) {
      const { code, stderr: err } = await idplug(folder, args)
      expect(err).toContain('/.env: cannot be read (ELOOP)')
      expect(err).not.toContain('    at ')
      expect(code).toBe(args.length === 0 ? 1 : 2)
    }
  })

  it.each([
    ['AUTH_PROVDER=auth0', 'AUTH_PROVDER: is not a setting (in FOLDER/.env); did you mean AUTH_PROVIDER?'],
    ['set AUTH_PROVIDER=auth0', 'did you mean AUTH_PROVIDER?'],
    ['AUTH_PROVIDER: auth0', 'AUTH_PROVIDER: is on line 3 of FOLDER/.env, which sets nothing'],
    ['export AUTH_PROVIDER auth0', 'AUTH_PROVIDER: is on line 3 of FOLDER/.env, which sets nothing'],
    ['AUTH_METADATA_URL: https://a.example/?a=b', 'AUTH_METADATA_URL: is on line 3 of'],
    ['AUTH0_DOMAIN=a.eu.auth0.com', 'AUTH_PROVIDER: is not set, but there is AUTH0_DOMAIN (of auth0)'],
  ])('does not lose %s', (text, problem) => {
    const { env, file, folder } = added(`# AUTH_PROVIDER: no\n\n${text}\nSOME WORDS\n`)
    const error = configError(() => loadConfiguration(env, { file }))
    expect(String(error)).toContain(problem.replace('FOLDER', folder))
    expect(error?.problems).toHaveLength(text.includes('?a=b') ? 1 : (error?.problems.length ?? 0))
  })
})

describe('a command reads from .env', () => {
  const problemsWith = (text: string, env: Record<string, string> = {}, prepare?: (folder: string) => void) => {
    const folder = folderWith({ '.env': text })
    prepare?.(folder)
    const read = withEnvFile(env, folder, 'command')
    const error = configError(() => loadConfiguration(read.env, { file: read.file }))
    return error?.problems.map(({ setting }) => setting) ?? []
  }
  const introspection = `AUTH_PROVIDER=introspection
INTROSPECTION_METADATA_URL=https://as.example.com
INTROSPECTION_CLIENT_ID=rs
INTROSPECTION_CLIENT_SECRET_FILE=`

  it.each([
    ['AUTH_CONFIG=own.json', 'AUTH_CONFIG'],
    ['AUTH_SHADOW=new.json', 'AUTH_SHADOW'],
    [`${introspection}/etc/hostname`, 'INTROSPECTION_CLIENT_SECRET_FILE'],
    [`${introspection}../secret`, 'INTROSPECTION_CLIENT_SECRET_FILE'],
    [`${introspection}link`, 'INTROSPECTION_CLIENT_SECRET_FILE'],
    ['AUTH_BRIDGE=on\nBRIDGE_CLIENT_ASSERTION_FILE=/etc/hostname', 'BRIDGE_CLIENT_ASSERTION_FILE'],
  ])('not %s, and says so instead of going on without it', async (text, setting) => {
    const link = (folder: string) => symlinkSync('/etc/hostname', join(folder, 'link'))
    expect(problemsWith(text, {}, link)).toEqual([setting])
  })

  it('a secret in a file beside it, as init writes it', async () => {
    const write = (folder: string) => {
      mkdirSync(join(folder, '.secrets'))
      writeFileSync(join(folder, '.secrets', 'S'), 'secret')
    }
    const folder = folderWith({})
    write(folder)
    // Relative to the working directory, which is that folder when the command runs.
    expect(problemsWith(`${introspection}${folder}/.secrets/S`)).toEqual(['INTROSPECTION_CLIENT_SECRET_FILE'])
    writeFileSync(join(folder, '.env'), `${introspection}${folder}/.secrets/S`)
    const { env, file } = withEnvFile({}, folder, 'command')
    const { providers } = loadConfiguration(env, { file })
    expect(providers[0]?.secret('INTROSPECTION_CLIENT_SECRET')).toBe('secret')
  })

  it('nothing of that where the environment or the command has it, or the provider is not in use', async () => {
    expect(problemsWith('AUTH_CONFIG=own.json', { AUTH_CONFIG: '', AUTH_PROVIDER: 'demo' })).toEqual([])
    expect(problemsWith('AUTH_PROVIDER=demo\nGITHUB_CLIENT_SECRET_FILE=/run/x')).toEqual([])
  })
})

describe('a .env that lies', () => {
  const MARK = 'it-ran'
  const module = `import { writeFileSync } from 'node:fs'
writeFileSync(new URL('./${MARK}', import.meta.url), 'yes')
export const adapter = {}`

  it.each([[['doctor']], [['explain']], [['keys', 'list']], [['init', '--provider', 'demo', '--yes']]])(
    'runs no code in idplug %j',
    async args => {
      const folder = folderWith({
        '.env': 'AUTH_CONFIG=own.json\nREDIS_URL=redis://127.0.0.1:1\n',
        'own.json': '{"adapter":"./evil.mjs","metadataUrl":"https://id.example.com"}',
        'evil.mjs': module,
      })
      const { stderr: err, stdout: out } = await idplug(folder, args)
      expect(existsSync(join(folder, MARK))).toBe(false)
      expect(err + out).toContain('AUTH_CONFIG: in ')
      expect(err).toContain(`Read ${folder}/.env: `)
      expect(err).not.toContain('    at ')
    },
  )

  it('makes no certificate trusted', async () => {
    const host = await listenHttps('localhost', (_req, res) => res.end('{}'))
    const settings = `AUTH_PROVIDER=oidc\nOIDC_METADATA_URL=https://${host}/.well-known/openid-configuration\n`
    const folder = folderWith({ '.env': `${settings}NODE_TLS_REJECT_UNAUTHORIZED=0\n` })
    const { stdout: out, stderr: err, code } = await idplug(folder, ['doctor'])
    expect(out).toContain('tenant.tls_untrusted')
    expect(err).toBe(
      `Read ${folder}/.env: AUTH_PROVIDER, OIDC_METADATA_URL. Not read from it: NODE_TLS_REJECT_UNAUTHORIZED; set that in the environment.\n`,
    )
    expect(code).toBe(1)
  })

  it('sends nothing through a proxy', async () => {
    const target = `https://127.0.0.2:${await freePort()}`
    let asked = 0
    const proxy = await listen((_req, res) => res.end())
    proxy.server.on('connect', (_req, socket) => {
      asked++
      socket.destroy()
    })
    onTestFinished(proxy.close)
    const settings = `AUTH_PROVIDER=oidc\nOIDC_METADATA_URL=${target}/.well-known/openid-configuration\nPROVIDER_TIMEOUT_SECONDS=1\n`
    const folder = folderWith({ '.env': `${settings}HTTPS_PROXY=${proxy.origin}\nhttps_proxy=${proxy.origin}\n` })
    await idplug(folder, ['doctor'])
    await idplug(folder, ['doctor', `${target}/mcp`])
    expect(asked).toBe(0)
    // The same setting in the environment counts.
    await idplug(folder, ['doctor'], { HTTPS_PROXY: proxy.origin })
    expect(asked).toBeGreaterThan(0)
  })

  it('sends no file of the user to a server', async () => {
    const bodies: string[] = []
    const server = await listen(async (req, res) => {
      let body = `${req.headers.authorization}`
      for await (const chunk of req) body += chunk
      bodies.push(body)
      res.setHeader('content-type', 'application/json').end(
        JSON.stringify({
          issuer: server.origin,
          introspection_endpoint: `${server.origin}/introspect`,
          introspection_endpoint_auth_methods_supported: ['client_secret_post'],
        }),
      )
    })
    onTestFinished(server.close)
    const secret = join(folderWith({ key: 'private-to-the-user' }), 'key')
    const folder = folderWith({
      '.env': `AUTH_PROVIDER=introspection\nINTROSPECTION_METADATA_URL=${server.origin}\nINTROSPECTION_CLIENT_ID=rs\nINTROSPECTION_AUTH_METHOD=client_secret_post\nINTROSPECTION_CLIENT_SECRET_FILE=${secret}\n`,
    })
    const { code, stderr: err } = await idplug(folder, ['explain'])
    expect(bodies.join()).not.toContain('private-to-the-user')
    expect(err).toContain('INTROSPECTION_CLIENT_SECRET_FILE: in ')
    expect(code).toBe(2)
    // Said in the environment, it is the user who says so.
    await idplug(folder, ['explain'], { INTROSPECTION_CLIENT_SECRET_FILE: secret })
    expect(bodies.join()).toContain('private-to-the-user')
  })

  it('is not even read for a server that is looked at from outside', async () => {
    const folder = folderWith({ '.env': 'AUTH_PROVIDER=demo\n' })
    const { stderr: err } = await idplug(folder, ['doctor', `http://localhost:${await freePort()}/mcp`])
    expect(err).not.toContain('.env')
    const status = await idplug(folder, ['migrate', 'status', `http://localhost:${await freePort()}/metrics`])
    expect(status.stderr).not.toContain('.env')
  })
})

describe('a server', () => {
  const ports = async () => ({ PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()) })

  it.each([
    ['npm start', []],
    ['idplug authorization-server', ['authorization-server']],
  ])('started by %s takes its settings from .env, code of its operator included', async (_what, args) => {
    const { PORT, AUTH_SERVER_PORT } = await ports()
    const folder = folderWith({ '.env': `PORT=${PORT}\nAUTH_SERVER_PORT=${AUTH_SERVER_PORT}\n` })
    const program = run(folder, args)
    await once(program.child.stdout, 'data')
    expect(program.stderr()).toBe(`Read ${folder}/.env: AUTH_SERVER_PORT, PORT.\n`)
    const metadata = `http://localhost:${AUTH_SERVER_PORT}/.well-known/oauth-authorization-server`
    expect((await fetch(metadata)).status).toBe(200)
    await stopped(program)
  })

  it('loads the adapter that its .env names', async () => {
    const folder = folderWith({
      '.env': 'AUTH_CONFIG=own.json\n',
      'own.json': '{"adapter":"./own.mjs","metadataUrl":"https://id.example.com"}',
      'own.mjs': "throw new Error('the adapter was loaded')",
    })
    const { code, stderr: err } = await idplug(folder, [])
    expect(err).toContain('the adapter was loaded')
    expect(code).toBe(1)
  })

  it.each([
    ['npm start', [], {}],
    [
      'idplug authorization-server',
      ['authorization-server'],
      { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' },
    ],
  ])('started by %s warns loudly when it opens the demo sign-in to others', async (_what, args, env) => {
    const open = { HOST: '0.0.0.0', DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on', LOG_LEVEL: 'info' }
    const program = run(folderWith({}), args, { ...(await ports()), ...open, ...env })
    await once(program.child.stdout, 'data')
    expect(program.stderr()).toContain(
      'Warning: DANGEROUSLY_ALLOW_FAKE_SIGN_IN is on: anybody can sign in as anybody (HOST is 0.0.0.0)\n',
    )
    await stopped(program)
  })

  it.each([
    [
      'a misspelled AUTH_PROVIDER',
      [],
      { AUTH_PROVDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com', PUBLIC_URL: 'https://mcp.example.com' },
      ['AUTH_PROVDER: is not a setting; did you mean AUTH_PROVIDER?', 'but there is AUTH0_DOMAIN', 'HOST is 0.0.0.0'],
    ],
    [
      'the authorization server of an MCP server that accepts no tokens of it',
      ['authorization-server'],
      { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' },
      ['AUTH_BRIDGE: is not on, so this authorization server is the demo'],
    ],
  ])('does not start for strangers because of %s', async (_what, args, env, parts) => {
    const { ended, stderr } = run(folderWith({}), args, { ...(await ports()), HOST: '0.0.0.0', ...env })
    expect(await ended).toBe(1)
    for (const part of parts) expect(stderr()).toContain(part)
  })
})
