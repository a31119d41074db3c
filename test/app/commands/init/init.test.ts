import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { consoles } from '../../../../adapters/consoles.ts'
import { adapters, namedProviders } from '../../../../adapters/index.ts'
import { mergedEnvText, readEnvFile } from '../../../../app/commands/init/env-file.ts'
import { type InitOptions, initialize, PROVIDERS, type Questions } from '../../../../app/commands/init/init.ts'
import { loadConfiguration } from '../../../../config/load.ts'
import { ConfigError } from '../../../../src/config-error.ts'
import { temporaryFolder } from '../../../support/temporary-files.ts'

/** A folder, and `idplug init` in it. */
function workshop() {
  const folder = temporaryFolder()
  const path = join(folder, '.env')
  return {
    path,
    read: (name: string) => readFileSync(join(folder, name), 'utf8'),
    has: (name: string) => existsSync(join(folder, name)),
    mode: (name: string) => statSync(join(folder, name)).mode & 0o777,
    put: (text: string) => writeFileSync(path, text),
    init: (options: Partial<InitOptions>) => initialize({ folder, env: {}, ...options }),
  }
}

/** Answers in turn, whatever is asked, and remembers the questions. */
function answering(answers: readonly string[], consent = false) {
  const asked: string[] = []
  const left = [...answers]
  const next = async (name: string) => {
    asked.push(name)
    return left.shift() ?? expect.fail(`nothing to answer to ${name}`)
  }
  const questions: Questions = {
    provider: () => next('provider'),
    setting: name => next(name),
    secret: name => next(`${name} (hidden)`),
    async confirm(question) {
      asked.push(question)
      return consent
    },
  }
  return { asked, questions }
}

describe('a new configuration', () => {
  it('is added to a file of Windows, which is in UTF-16', async () => {
    const { init, read, path } = workshop()
    writeFileSync(path, Buffer.from('\uFEFFPORT=4000\r\n', 'utf16le'))
    await init({ url: 'https://acme.okta.com/oauth2/default' })
    expect(read('.env')).toBe('PORT=4000\nAUTH_PROVIDER=okta\nAUTH_METADATA_URL=https://acme.okta.com/oauth2/default\n')
  })

  it('is not asked for where a line of the file is wrong, which no answer mends', async () => {
    const { init, put, read } = workshop()
    const { asked, questions } = answering([])
    put('AUTH_PROVIDER: okta\n')
    await expect(init({ provider: 'auth0', questions })).rejects.toThrow('AUTH_PROVIDER: is on line 1 of ')
    expect(asked).toEqual([])
    expect(read('.env')).toBe('AUTH_PROVIDER: okta\n')
  })

  it('is asked for until it loads, secrets apart', async () => {
    const { init, read, mode } = workshop()
    const { asked, questions } = answering(['github', 'Iv1.abc', 'notes:read', 'everyone', 'a very secret secret'])
    const done = await init({ questions })
    expect(asked[0]).toBe('provider')
    expect(asked).toContain('GITHUB_CLIENT_SECRET (hidden)')
    expect(read('.env')).not.toContain('a very secret secret')
    expect(read('.secrets/GITHUB_CLIENT_SECRET')).toBe('a very secret secret\n')
    expect([mode('.env'), mode('.secrets/GITHUB_CLIENT_SECRET')]).toEqual([0o600, 0o600])
    const { providers } = loadConfiguration(readEnvFile(done.file))
    expect(providers[0]?.secret('GITHUB_CLIENT_SECRET')).toBe('a very secret secret')
    expect(done.env.GITHUB_CLIENT_SECRET).toBeUndefined()
  })

  it('is asked for again where the answer cannot work', async () => {
    const { init, read } = workshop()
    const { asked, questions } = answering(['acme', 'acme.eu.auth0.com'])
    await init({ provider: 'auth0', questions })
    expect(asked).toEqual(['AUTH0_DOMAIN', 'AUTH0_DOMAIN'])
    expect(read('.env')).toBe('AUTH_PROVIDER=auth0\nAUTH0_DOMAIN=acme.eu.auth0.com\n')
  })

  it('is told by the URL, without a question', async () => {
    const { init, read } = workshop()
    const url = 'https://acme.okta.com/oauth2/default'
    expect(await init({ url, publicUrl: 'https://mcp.example.com' })).toMatchObject({
      provider: 'okta',
      resource: 'https://mcp.example.com/mcp',
    })
    expect(read('.env')).toBe(`AUTH_PROVIDER=okta\nAUTH_METADATA_URL=${url}\nPUBLIC_URL=https://mcp.example.com\n`)
  })

  it('keeps what only the environment said, since the next start does not have it', async () => {
    const { init, read } = workshop()
    const env = { OKTA_DOMAIN: 'acme.okta.com', INTROSPECTION_CLIENT_SECRET: 's3cret', HOME: '/root' }
    await init({ provider: 'okta', env })
    expect(read('.env')).toContain('OKTA_DOMAIN=acme.okta.com\n')
    expect(read('.env')).not.toMatch(/s3cret|HOME/)
  })

  it('keeps nothing of other software, however its variables are called', async () => {
    const { init, read } = workshop()
    const github = { GITHUB_CLIENT_ID: 'Iv1.a', GITHUB_CLIENT_SECRET: 's', GITHUB_GRANT_SCOPES: 'notes:read' }
    const others = { GITHUB_TOKEN: 'ghp_x', GITHUB_ACTIONS: 'true', AUTH_SECRET: 'hunter2', AUTH_TOKEN: 'hunter2' }
    await init({ provider: 'github', env: { ...github, GITHUB_GRANT_TO: 'everyone', ...others } })
    expect(read('.env')).toContain('GITHUB_CLIENT_ID=Iv1.a\n')
    expect(read('.env')).not.toMatch(/ghp_x|hunter2|GITHUB_ACTIONS/)
  })

  it('is not asked for the value of a misspelled name', async () => {
    const { init, put, has } = workshop()
    put('AUTH_PROVDER=auth0\n')
    const { asked, questions } = answering([])
    await expect(init({ provider: 'okta', questions })).rejects.toThrow('did you mean AUTH_PROVIDER?')
    expect(asked).toEqual([])
    expect(has('.env.new')).toBe(false)
  })

  it('asks for what a setting is, takes the URL that people copy for a domain, and asks where clients will reach the server', async () => {
    const { init, read } = workshop()
    const asked: string[] = []
    const questions: Questions = {
      ...answering([]).questions,
      publicUrl: async () => 'https://mcp.example.com',
      async setting(name, why) {
        asked.push(`${name}: ${why}`)
        return 'https://acme.eu.auth0.com/'
      },
    }
    const { resource } = await init({ provider: 'auth0', questions })
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatch(/^AUTH0_DOMAIN: /)
    expect(asked[0]).not.toMatch(/is not set|needs it/)
    expect(read('.env')).toBe(
      'AUTH_PROVIDER=auth0\nPUBLIC_URL=https://mcp.example.com\nAUTH0_DOMAIN=acme.eu.auth0.com\n',
    )
    expect(resource).toBe('https://mcp.example.com/mcp')
  })

  it('asks for what a rule and a secret are, not for the options that hold them', async () => {
    const { init } = workshop()
    const asked: Record<string, string> = {}
    const { questions } = answering(['Iv1.abc', 'notes:read', 'everyone', 's3cret'])
    const remembering: Questions = {
      ...questions,
      setting: (name, why) => {
        asked[name] = why
        return questions.setting(name, why)
      },
      secret: (name, why) => {
        asked[name] = why
        return questions.secret(name, why)
      },
    }
    await init({ provider: 'github', questions: remembering })
    expect(asked).toMatchObject({
      GITHUB_GRANT_SCOPES: 'Scopes of this server that these people get, such as notes:read.',
      GITHUB_GRANT_TO: expect.stringMatching(/^Who gets these scopes: everyone, or user:NUMBER, /),
      GITHUB_CLIENT_SECRET: expect.stringMatching(/^A client secret of that app; /),
    })
  })

  it('says which file it read', async () => {
    const { init, put, path } = workshop()
    put('PORT=4000\nHTTPS_PROXY=http://127.0.0.1:1\n')
    const said: string[] = []
    const { env, resource } = await init({ provider: 'demo', say: line => said.push(line) })
    expect(said).toEqual([`Read ${path}: PORT. Not read from it: HTTPS_PROXY; set that in the environment.`])
    expect(resource).toBe('http://localhost:4000/mcp')
    expect(env.HTTPS_PROXY).toBeUndefined()
  })

  it('puts a provider into the shadow of those in force', async () => {
    const { init, read, put } = workshop()
    put('AUTH_PROVIDER=demo\n')
    await init({ provider: 'okta', shadow: true, env: { OKTA_DOMAIN: 'acme.okta.com' } })
    expect(read('.env')).toBe('AUTH_PROVIDER=demo\nAUTH_SHADOW=okta\nOKTA_DOMAIN=acme.okta.com\n')
  })

  it('is not written when something is missing and nobody can be asked', async () => {
    const { init, has } = workshop()
    const error = await init({ provider: 'introspection' }).then(
      () => expect.fail('it was written'),
      reason => reason,
    )
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).problems.map(({ setting }) => setting)).toEqual(
      expect.arrayContaining(['INTROSPECTION_METADATA_URL', 'INTROSPECTION_CLIENT_SECRET']),
    )
    expect(has('.env')).toBe(false)
    expect(has('.secrets')).toBe(false)
    await expect(init({})).rejects.toThrow('--provider: is needed')
  })
})

describe('an .env that is there', () => {
  const before = '# ours\nAUTH_PROVIDER=demo\nLOG_LEVEL=debug # loud\n'
  const okta = { provider: 'okta', url: 'https://acme.okta.com/oauth2/default' }

  it('is added to', async () => {
    const { init, read, put } = workshop()
    put('# ours\nLOG_LEVEL=debug # loud\n')
    await init(okta)
    expect(read('.env')).toBe(`# ours\nLOG_LEVEL=debug # loud\nAUTH_PROVIDER=okta\nAUTH_METADATA_URL=${okta.url}\n`)
  })

  it('is left as it is where it says otherwise and nobody consents', async () => {
    const { init, read, put, path } = workshop()
    put(before)
    for (const questions of [undefined, answering([]).questions]) {
      expect((await init({ ...okta, questions })).file).toBe(`${path}.new`)
      expect(read('.env')).toBe(before)
    }
    expect(read('.env.new')).toBe(`# ours\nAUTH_PROVIDER=okta\nLOG_LEVEL=debug # loud\nAUTH_METADATA_URL=${okta.url}\n`)
  })

  it('is changed in place with consent, which names the settings', async () => {
    const { init, read, put } = workshop()
    put(before)
    const { asked, questions } = answering([], true)
    await init({ ...okta, questions })
    expect(asked).toEqual([expect.stringContaining('has other values for AUTH_PROVIDER')])
    expect(read('.env')).toContain('AUTH_PROVIDER=okta\nLOG_LEVEL=debug')
  })
})

it.each(['plain', 'with space', "it's", '# no comment', 'a"b', '$NOT expanded', ''])(
  'a value is read back as it was written: %j',
  async value => {
    const { put, path } = workshop()
    put(mergedEnvText('', { NAME: value }))
    expect(readEnvFile(path).NAME).toBe(value)
  },
)

it('a value with a line break is not written', () => {
  expect(() => mergedEnvText('', { NAME: 'one\nAUTH_PROVIDER=evil' })).toThrow('NAME cannot be written')
})

it('every provider but the demo has console steps, with this very server where it knows one', () => {
  const server = { resource: 'https://mcp.example.com/mcp', scopes: ['notes:read'] }
  expect([...PROVIDERS].sort()).toEqual(namedProviders.map(({ name }) => name).sort())
  for (const { name } of adapters.filter(({ name }) => name !== 'demo')) {
    const steps = consoles[name]?.steps(server).join('\n')
    expect(steps?.length).toBeGreaterThan(50)
    if (name !== 'google' && name !== 'github') expect(steps).toContain(server.resource)
  }
})
