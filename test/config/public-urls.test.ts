import { describe, expect, it } from 'vitest'
import { type LoadOptions, loadConfiguration } from '../../config/load.ts'
import { type ResourcePlace, resourceNames } from '../../config/public-urls.ts'
import { ConfigError, type ConfigProblem } from '../../src/config-error.ts'

interface Given {
  declared?: ResourcePlace
  /** `PUBLIC_URL`. */
  urls?: readonly string[]
  fallback?: string
  place?: string
}

function names({ declared = {}, urls = [], fallback, place = '' }: Given) {
  const problems: ConfigProblem[] = []
  const found = resourceNames(declared, urls, fallback, place, problems)
  return {
    found,
    problems: problems.map(({ setting, problem }) => `${setting}: ${problem}`),
    see: problems.map(({ see }) => see),
  }
}

const LOCAL = 'http://localhost:3000'
const MCP = 'https://mcp.example.com'

describe('the names of a server', () => {
  it.each<[string, Given, { resource: string; publicUrl: string; furtherResources?: string[] }]>([
    [
      '/mcp of its own port, where nobody says more',
      { fallback: LOCAL },
      { resource: `${LOCAL}/mcp`, publicUrl: LOCAL },
    ],
    ['/mcp below PUBLIC_URL', { urls: [MCP], fallback: LOCAL }, { resource: `${MCP}/mcp`, publicUrl: MCP }],
    [
      'a path below PUBLIC_URL',
      { declared: { resource: '/api/files' }, urls: [MCP] },
      { resource: `${MCP}/api/files`, publicUrl: MCP },
    ],
    [
      'a path below its own port',
      { declared: { resource: '/files' }, fallback: LOCAL },
      { resource: `${LOCAL}/files`, publicUrl: LOCAL },
    ],
    ['the root of PUBLIC_URL', { declared: { resource: '/' }, urls: [MCP] }, { resource: MCP, publicUrl: MCP }],
    ['below a prefix', { urls: [`${MCP}/team-a`] }, { resource: `${MCP}/team-a/mcp`, publicUrl: `${MCP}/team-a` }],
    [
      'a prefix alone',
      { declared: { resource: '/' }, urls: [`${MCP}/team-a/`] },
      { resource: `${MCP}/team-a`, publicUrl: `${MCP}/team-a` },
    ],
    [
      'a path below a prefix',
      { declared: { resource: '/files' }, urls: [`${MCP}/a/b/`] },
      { resource: `${MCP}/a/b/files`, publicUrl: `${MCP}/a/b` },
    ],
    [
      'spelled as RFC 8707 wants it',
      { urls: ['HTTPS://MCP.Example.com:443/Team-A/'] },
      { resource: `${MCP}/Team-A/mcp`, publicUrl: `${MCP}/Team-A` },
    ],
    [
      'those of the declaration alone',
      { declared: { resource: `${MCP}/mcp` } },
      { resource: `${MCP}/mcp`, publicUrl: MCP },
    ],
    [
      'those of the declaration, whatever port it listens on',
      { declared: { resource: `${MCP}/mcp` }, fallback: LOCAL },
      { resource: `${MCP}/mcp`, publicUrl: MCP },
    ],
    ['those of a declaration at the root', { declared: { resource: `${MCP}/` } }, { resource: MCP, publicUrl: MCP }],
  ])('are %s', (_what, given, { furtherResources = [], ...expected }) => {
    expect(names(given)).toEqual({ found: { ...expected, furtherResources }, problems: [], see: [] })
  })

  it('accepts a declaration and PUBLIC_URL that name the same URL', () => {
    const declared = { resource: `${MCP}/team-a/mcp` }
    for (const url of [MCP, `${MCP}/`, `${MCP}/team-a`, `${MCP}/team-a/mcp`]) {
      const { found, problems } = names({ declared, urls: [url] })
      expect(problems).toEqual([])
      expect(found?.resource).toBe(`${MCP}/team-a/mcp`)
      expect(found?.publicUrl).toBe(url.replace(/\/$/, ''))
    }
  })
})

describe('a declaration that names this machine', () => {
  it.each([
    ['http://localhost:3000/mcp', `${MCP}/mcp`],
    ['http://127.0.0.1:3000/api/mcp', `${MCP}/api/mcp`],
    ['http://[::1]:3000/mcp', `${MCP}/mcp`],
    ['https://mcp.localhost/mcp', `${MCP}/mcp`],
    ['http://localhost:3000', MCP],
  ])('is where it is developed, and PUBLIC_URL moves it: %s', (resource, moved) => {
    expect(names({ declared: { resource }, urls: [MCP] }).found).toEqual({
      resource: moved,
      publicUrl: MCP,
      furtherResources: [],
    })
    expect(names({ declared: { resource } }).found?.resource).toBe(resource)
  })

  it('moves a local resource below a prefix, and to another port', () => {
    const declared = { resource: `${LOCAL}/mcp` }
    expect(names({ declared, urls: [`${MCP}/team-a`] }).found?.resource).toBe(`${MCP}/team-a/mcp`)
    expect(names({ declared, urls: ['http://localhost:4000'] }).found?.resource).toBe('http://localhost:4000/mcp')
  })

  it('does not move a local resource by PORT', () => {
    expect(names({ declared: { resource: `${LOCAL}/mcp` }, fallback: 'http://localhost:4000' }).found?.resource).toBe(
      `${LOCAL}/mcp`,
    )
  })
})

describe('several public URLs', () => {
  it('treats several public URLs as names of one server, the first canonical', () => {
    expect(names({ urls: [MCP, 'https://mcp.example.net/', 'https://example.org/team-a'] }).found).toEqual({
      resource: `${MCP}/mcp`,
      publicUrl: MCP,
      furtherResources: ['https://mcp.example.net/mcp', 'https://example.org/team-a/mcp'],
    })
  })

  it('reads further public URLs from the declaration and from PUBLIC_URL', () => {
    const declared = { resource: '/files', publicUrls: ['https://b.example', MCP, 'https://c.example/x/'] }
    expect(names({ declared, urls: [MCP, 'https://a.example', 'https://b.example/'] }).found).toEqual({
      resource: `${MCP}/files`,
      publicUrl: MCP,
      furtherResources: ['https://a.example/files', 'https://b.example/files', 'https://c.example/x/files'],
    })
  })

  it('appends the path of the endpoint to every public URL', () => {
    const declared = { resource: `${MCP}/team-a/mcp`, publicUrls: ['https://b.example'] }
    expect(names({ declared, urls: [`${MCP}/team-a`] }).found?.furtherResources).toEqual(['https://b.example/mcp'])
    expect(names({ declared, urls: [MCP] }).found?.furtherResources).toEqual(['https://b.example/team-a/mcp'])
    expect(names({ declared }).found?.furtherResources).toEqual(['https://b.example/team-a/mcp'])
  })
})

describe('names that cannot be', () => {
  it.each([
    [MCP, 'https://other.example.com/mcp'],
    [`${MCP}/team-a`, `${MCP}/mcp`],
    [`${MCP}/team`, `${MCP}/team-a/mcp`],
    ['https://mcp.example.co', `${MCP}/mcp`],
    ['http://localhost:3000', `${MCP}/mcp`],
  ])('contradict each other: PUBLIC_URL %s, and %s in the declaration', (url, resource) => {
    expect(names({ declared: { resource }, urls: [url] })).toEqual({
      found: undefined,
      problems: [
        `PUBLIC_URL: is ${url}, but the declaration names ${resource}: put only the path into the declaration, such as /mcp`,
      ],
      see: ['docs/settings.md'],
    })
  })

  it('asks for the URL where nobody can know it', () => {
    const problem =
      'is not set: the URL at which clients reach this server, such as http://localhost:3000/mcp; or set PUBLIC_URL'
    expect(names({})).toEqual({ found: undefined, problems: [`resource: ${problem}`], see: ['docs/settings.md'] })
    expect(names({ place: 'files.' }).problems).toEqual([`files.resource: ${problem}`])
  })

  it('asks for PUBLIC_URL where the declaration has the path alone', () => {
    expect(names({ declared: { resource: '/files' } }).problems).toEqual([
      'resource: is /files alone: give the whole URL at which clients reach this server, such as http://localhost:3000/files; or set PUBLIC_URL',
    ])
  })

  it.each([
    [{ resource: 'https://mcp.example.com/a/../mcp' }, 'resource: must be written as /mcp: no dot segments'],
    [{ resource: 'https://mcp.example.com/mcp?x=1' }, 'resource: must not have a query'],
    [{ resource: 'http://mcp.example.com/mcp' }, 'resource: must start with https://'],
  ])('are reported at their place in the declaration: %j', (declared, problem) => {
    expect(names({ declared }).problems).toEqual([expect.stringContaining(problem)])
    expect(names({ declared, place: 'files.' }).problems).toEqual([expect.stringContaining(`files.${problem}`)])
  })
})

describe('the names in a configuration', () => {
  const problems = (env: Record<string, string>, options: LoadOptions) => {
    try {
      loadConfiguration(env, options)
      return []
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.problems.map(({ setting, problem }) => `${setting}: ${problem}`)
    }
  }
  const okta = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }
  const library = { isLibrary: true }

  it('derives the URL of our own program from PORT', () => {
    expect(loadConfiguration({ PORT: '4000' }).resource).toBe('http://localhost:4000/mcp')
    expect(loadConfiguration({}).resource).toBe('http://localhost:3232/mcp')
  })

  it('splits PUBLIC_URL at commas and spaces', () => {
    const PUBLIC_URL = `${MCP}/team-a , https://mcp.example.net https://b.example,`
    expect(loadConfiguration({ ...okta, PUBLIC_URL }).resources[0]).toMatchObject({
      resource: `${MCP}/team-a/mcp`,
      publicUrl: `${MCP}/team-a`,
      furtherResources: ['https://mcp.example.net/mcp', 'https://b.example/mcp'],
    })
  })

  it('derives the URL of the user’s server from PORT where that is a port, and asks for it elsewhere', () => {
    expect(loadConfiguration({ ...okta, PORT: '4000' }, library).resource).toBe('http://localhost:4000/mcp')
    for (const PORT of ['', '0', '99999', '3000/tcp', '/run/server.sock', String.raw`\\.\pipe\iis-42`]) {
      expect(problems({ ...okta, PORT }, library), PORT).toEqual([
        expect.stringMatching(/^resource: is not set: the URL/),
      ])
    }
  })

  it('needs no PORT where the declaration or PUBLIC_URL names the user’s server', () => {
    const resources = { files: { resource: `${MCP}/mcp` } }
    expect(loadConfiguration(okta, { ...library, resources }).resource).toBe(`${MCP}/mcp`)
    expect(loadConfiguration({ ...okta, PUBLIC_URL: MCP }, library).resource).toBe(`${MCP}/mcp`)
  })

  it('puts several servers below the same public URLs', () => {
    const resources = {
      files: { resource: '/files' },
      mail: { resource: '/mail', publicUrls: ['https://mail.example.com'] },
    }
    const { resources: found, resource } = loadConfiguration(
      { ...okta, PUBLIC_URL: `${MCP},https://b.example` },
      { resources },
    )
    expect(resource).toBe(`${MCP}/files`)
    expect(found.map(({ key, resource, furtherResources }) => [key, resource, ...furtherResources])).toEqual([
      ['files', `${MCP}/files`, 'https://b.example/files'],
      ['mail', `${MCP}/mail`, 'https://b.example/mail', 'https://mail.example.com/mail'],
    ])
  })

  it('refuses two servers with a name in common', () => {
    expect(problems({ ...okta, PUBLIC_URL: MCP }, { resources: { files: {}, mail: {} } })).toEqual([
      `mail.resource: is ${MCP}/mcp, as files.resource is: give each server a path of its own`,
    ])
    const further = {
      files: { resource: '/mcp' },
      mail: { resource: 'https://mail.example.com/mcp', publicUrls: [MCP] },
    }
    expect(problems({ ...okta }, { resources: further, ...library })).toEqual([
      expect.stringMatching(/^files\.resource: is \/mcp alone/),
    ])
    expect(
      problems({ ...okta, PORT: '1' }, { resources: { ...further, files: { resource: `${MCP}/mcp` } }, ...library }),
    ).toEqual([`mail.resource: is ${MCP}/mcp, as files.resource is: give each server a path of its own`])
  })

  it('reports wrong public URLs together with all other problems', () => {
    const env = { PUBLIC_URL: 'https://mcp.example.com', AUTH_PROVIDER: 'okta', DPOP_NONCE_SECRET: 'short' }
    const found = problems(env, { resources: { files: { resource: 'https://other.example.com/mcp' } } })
    expect(found.map(line => line.split(':')[0])).toContain('DPOP_NONCE_SECRET')
    const later = problems(
      { PUBLIC_URL: MCP, AUTH_PROVIDER: 'okta' },
      { resources: { files: { resource: 'https://other.example.com/mcp' } } },
    )
    expect(later.map(line => line.split(':')[0])).toEqual(['PUBLIC_URL', 'OKTA_DOMAIN'])
  })
})
