import { describe, expect, it } from 'vitest'
import { declarationProblems, type ResourceDeclaration } from '../../auth/declaration.ts'

const files: ResourceDeclaration = {
  resource: 'https://mcp.example.com/mcp',
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
}

const problemsOf = (changes: object, place?: string) =>
  declarationProblems({ ...files, ...changes } as ResourceDeclaration, place).map(
    ({ setting, problem }) => `${setting}: ${problem}`,
  )

describe('a declaration', () => {
  it.each([
    ['whole', {}],
    ['without scopes', { scopes: {}, initialScopes: undefined, access: undefined }],
    [
      'without initial scopes, where everything else needs one',
      { initialScopes: undefined, access: { otherwise: [] } },
    ],
    ['with a path in place of a URL', { resource: '/team-a/mcp' }],
    ['at the root of a host', { resource: 'https://mcp.example.com' }],
    ['of this machine', { resource: 'http://localhost:3000/mcp' }],
    ['with everything', { publicUrls: ['https://b.example/x'], documentation: 'https://example.com', listing: 'hide' }],
  ])('is right %s', (_how, changes) => {
    expect(problemsOf(changes)).toEqual([])
  })

  it.each([
    [
      'a scope that is not declared',
      { access: { tools: { a: ['files:wirte'] } } },
      'access.tools.a: names files:wirte, which is not declared (did you mean files:write?)',
    ],
    [
      'an initial scope that is not declared',
      { initialScopes: ['x'] },
      'initialScopes: names x, which is not declared',
    ],
    [
      'an unlisted scope for everything else',
      { access: { otherwise: ['x'] } },
      'access.otherwise: names x, which is not declared',
    ],
    [
      'a hierarchy of unknown scopes',
      { includes: { 'files:write': ['x'] } },
      'includes.files:write: names x, which is not declared',
    ],
    [
      'no initial scopes',
      { initialScopes: undefined },
      'initialScopes: is missing: list the scopes that clients request first, and that tools without a rule need',
    ],
    ['a misspelled member', { initalScopes: [] }, 'initalScopes: is not known (did you mean initialScopes?)'],
    ['a misspelled rule', { access: { tool: {} } }, 'access.tool: is not known (did you mean tools?)'],
    ['no name', { name: undefined }, 'name: is missing: Name for people: the consent page shows it.'],
    ['an empty text', { scopes: { a: '' } }, 'scopes.a: must not be empty'],
    [
      'a scope with a space',
      { scopes: { ...files.scopes, 'a b': 'x' } },
      'scopes.a b: is not a scope: use visible ASCII characters, no space or quote',
    ],
    [
      'offline_access',
      { scopes: { ...files.scopes, offline_access: 'x' } },
      'scopes.offline_access: is not a scope of your server: clients request it from the authorization server on their own',
    ],
    ['rules that are not lists', { access: { tools: { a: 'files:read' } } }, 'access.tools.a: must be a list'],
    [
      'a tool that is both open and closed',
      { access: { tools: { a: ['files:read'] }, anonymous: { tools: ['a'] } } },
      'access.anonymous.tools: names a, but access.tools requires scopes for a',
    ],
    [
      'an open tool whose method is closed',
      { access: { methods: { 'tools/call': ['files:read'] }, anonymous: { tools: ['a'] } } },
      'access.anonymous.tools: names tools, but access.methods requires scopes for tools/call',
    ],
    [
      'every tool for everybody',
      { access: { anonymous: { methods: ['tools/call'] } } },
      'access.anonymous.methods: must not name tools/call, which would open every operation of that method: list the tools in access.anonymous.tools',
    ],
    [
      'an open tool that a server may take for a closed one',
      { access: { tools: { write_file: ['files:read'], 'WRITE_FILE ': [] }, anonymous: { tools: ['Write_File'] } } },
      'access.anonymous.tools: names Write_File, but access.tools requires scopes for Write_File',
    ],
    [
      'every tool for everybody, in another spelling',
      { access: { otherwise: [], anonymous: { methods: ['Tools/Call '] } } },
      'access.anonymous.methods: must not name Tools/Call , which would open every operation of that method: list the tools in access.anonymous.tools',
    ],
    [
      'a star that is meant for all tools',
      { access: { tools: { '*': ['files:read'] } } },
      'access.tools.*: is one name: what all others need is access.otherwise',
    ],
    [
      'plain http on another machine',
      { resource: 'http://mcp.example.com/mcp' },
      'resource: must start with https:// (http:// is accepted only for localhost)',
    ],
    [
      'a query',
      { resource: 'https://mcp.example.com/mcp?x=1' },
      'resource: must not have a query, fragment or credentials (RFC 8707 section 2)',
    ],
    [
      'dot segments',
      { resource: '/a/../mcp' },
      'resource: must be written as /mcp: no dot segments, no characters that need encoding',
    ],
    [
      'dot segments in a URL',
      { resource: 'https://mcp.example.com/a/../mcp' },
      'resource: must be written as /mcp: no dot segments, no characters that need encoding',
    ],
    [
      'a path at which metadata is served',
      { resource: 'https://mcp.example.com/.well-known/mcp' },
      'resource: must not be below /.well-known/, where metadata is served',
    ],
    [
      'encoded dot segments',
      { resource: '/a/%2e%2e/mcp' },
      'resource: must be written as /mcp: no dot segments, no characters that need encoding',
    ],
    [
      'a path that is another host',
      { resource: '//evil.example/mcp' },
      'resource: must begin with exactly one slash and have no backslash',
    ],
    [
      'a further URL that is not one',
      { publicUrls: ['mcp.example.com'] },
      'publicUrls.0: is not an absolute URL; write it like https://mcp.example.com',
    ],
  ])('is refused with %s', (_what, changes, problem) => {
    expect(problemsOf(changes)).toEqual([problem])
  })

  it('reports every problem at once, each with its place in the declaration', () => {
    const changes = { initialScopes: ['x'], access: { tools: { a: ['y'] } }, documentation: 'z' }
    expect(problemsOf(changes, 'mail.')).toEqual([
      'mail.initialScopes: names x, which is not declared',
      'mail.access.tools.a: names y, which is not declared',
      'mail.documentation: is not an absolute URL',
    ])
  })

  it('reports further problems beside members of the wrong type', () => {
    const changes = { listing: 'none', access: { tools: 'all' }, initialScopes: ['x'], resource: 'http://a.example' }
    expect(problemsOf(changes)).toEqual([
      'access.tools: must be an object',
      'listing: must be same or hide',
      'initialScopes: names x, which is not declared',
      'resource: must start with https:// (http:// is accepted only for localhost)',
    ])
    expect(problemsOf({ initialScopes: 'files:read' })).toEqual(['initialScopes: must be a list'])
    expect(problemsOf({ initialScopes: undefined, access: { otherwise: 'files:read' } })).toEqual([
      'access.otherwise: must be a list',
    ])
  })

  it.each([[null], ['files'], [[]]])('refuses %j as a declaration', value => {
    expect(declarationProblems(value as never)).toEqual([{ setting: 'declaration', problem: 'must be an object' }])
  })
})
