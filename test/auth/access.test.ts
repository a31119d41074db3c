import { describe, expect, it } from 'vitest'
import { createAccessTable, operationOf } from '../../auth/access.ts'
import type { AccessRules, ResourceDeclaration } from '../../auth/declaration.ts'

const call = (method: string, params: object = {}) => ({ jsonrpc: '2.0', id: 1, method, params })
const tool = (name: unknown) => call('tools/call', { name })
const read = (uri: unknown) => call('resources/read', { uri })

function table(access: AccessRules, others: Partial<ResourceDeclaration> = {}) {
  return createAccessTable({
    name: 'Files',
    scopes: { read: 'Read', write: 'Write', admin: 'Everything' },
    initialScopes: ['read'],
    access,
    ...others,
  })
}

describe('scopes that an operation needs', () => {
  const rules = table({
    tools: { write_file: ['read', 'write'], whoami: [] },
    prompts: { tidy: ['write'] },
    resources: { 'files://admin': ['admin'], 'files://{id}/raw': ['write'] },
    methods: { 'logging/setLevel': ['admin'], 'tools/list': [] },
  })

  it.each([
    ['a tool by its rule', tool('write_file'), ['read', 'write']],
    ['a tool whose rule is empty', tool('whoami'), []],
    ['a tool that no rule names, by the initial scopes', tool('delete_file'), ['read']],
    ['a tool without a name, by the initial scopes', tool(undefined), ['read']],
    ['a tool called __proto__, by the initial scopes', tool('__proto__'), ['read']],
    ['a tool called constructor, by the initial scopes', tool('constructor'), ['read']],
    ['a prompt by its rule', call('prompts/get', { name: 'tidy' }), ['write']],
    ['a prompt that no rule names', call('prompts/get', { name: 'write_file' }), ['read']],
    ['a resource by its rule', read('files://admin'), ['admin']],
    ['a subscription to a resource', call('resources/subscribe', { uri: 'files://admin' }), ['admin']],
    [
      'subscriptions to several resources, together',
      call('subscriptions/listen', {
        notifications: { resourceSubscriptions: ['files://admin', 'files://7/raw', 'files://7'] },
      }),
      ['admin', 'read', 'write'],
    ],
    ['subscriptions to listings', call('subscriptions/listen', { notifications: { toolsListChanged: true } }), []],
    ['subscriptions to nothing', call('subscriptions/listen'), []],
    ['suggestions for a prompt', call('completion/complete', { ref: { type: 'ref/prompt', name: 'tidy' } }), ['write']],
    [
      'suggestions for a resource template',
      call('completion/complete', { ref: { type: 'ref/resource', uri: 'files://{id}/raw' } }),
      ['write'],
    ],
    ['a method by its rule', call('logging/setLevel'), ['admin']],
    ['a method that no rule names', call('tools/list'), []],
    ['a batch, together', [tool('write_file'), read('files://admin'), tool('x')], ['read', 'write', 'admin']],
    ['something that is not JSON-RPC', 'tools/call', []],
    ['null', null, []],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, []],
  ])('are those of %s', (_what, body, scopes) => {
    expect([...rules.requiredScopes(body)].sort()).toEqual([...scopes].sort())
  })

  it.each([
    ['the method', { ...tool('write_file'), method: ['tools/call'] }, ['read', 'write']],
    ['a method with a rule', { method: [['logging/setLevel']] }, ['admin']],
    ['the name of a tool', tool([['write_file']]), ['read', 'write']],
    ['the URI of a resource', read(['files://admin']), ['admin']],
    ['a message', [[[tool('write_file')]], null, call('ping')], ['read', 'write']],
    [
      'a message in many',
      JSON.parse(`${'['.repeat(50_000)}${JSON.stringify(tool('write_file'))}${']'.repeat(50_000)}`),
      ['read', 'write'],
    ],
  ])('are the same where %s stands in a list, which sloppy handlers read as its member', (_what, body, scopes) => {
    expect(rules.requiredScopes(body)).toEqual(scopes)
    expect(rules.isAnonymous(body)).toBe(false)
  })

  it.each([
    ['a space at the end', tool('write_file ')],
    ['a no-break space', tool('write_file\u00a0')],
    ['a character of no width', tool('write\u200b_file')],
    ['a soft hyphen', tool('wri\u00adte_file')],
    ['a variation selector', tool('write_file\ufe0f')],
    ['capitals', tool('Write_File')],
    ['wide letters', tool('\uff57rite_file')],
    ['a tab at the end of the method', { ...tool('write_file'), method: 'tools/call\t' }],
    ['capitals in the method', { ...tool('write_file'), method: 'Tools/Call' }],
  ])('are no less where a name differs by %s', (_what, body) => {
    expect([...rules.requiredScopes(body)].sort()).toEqual(['read', 'write'])
  })

  it('are those of all similar names together, and of what no rule names', () => {
    const similar = table({ tools: { get: ['admin'], GET: ['write'] }, methods: { 'tools/list': ['write'] } })
    expect([...similar.requiredScopes(tool('Get'))].sort()).toEqual(['admin', 'read', 'write'])
    expect(similar.requiredScopes(tool('get'))).toEqual(['admin'])
    expect(similar.requiredScopes(call('Tools/List'))).toEqual(['write'])
    expect([...similar.requiredScopes(tool('g'.repeat(201)))].sort()).toEqual(['admin', 'read', 'write'])
  })

  it('uses the scopes of `otherwise` for what no rule names', () => {
    expect(table({ otherwise: ['admin'] }).requiredScopes(tool('x'))).toEqual(['admin'])
    expect(table({ otherwise: [] }).requiredScopes(tool('x'))).toEqual([])
  })

  it('adds the scopes of the method to those of the tool', () => {
    const both = table({ tools: { x: ['write'] }, methods: { 'tools/call': ['admin'] } })
    expect([...both.requiredScopes(tool('x'))].sort()).toEqual(['admin', 'write'])
  })
})

describe('a rule for a resource', () => {
  const rules = table({
    resources: { 'notes://secret': ['admin'], 'notes://{id}/raw': ['write'], 'notes://public/{+path}': [] },
  })

  it.each(['NOTES://secret', 'notes://secret', 'Notes://SECRET'.replace('SECRET', 'secret')])(
    'holds for %s, as the SDKs spell a URI before they look it up',
    uri => {
      expect(rules.requiredScopes(read(uri))).toEqual(['admin'])
    },
  )

  it.each([
    ['notes://1/raw', ['write']],
    ['notes://public/a/b', []],
    ['notes://public/', ['read']],
    ['notes://other', ['read']],
    // Not an expansion of the template, but what a lenient server would take for one.
    ['notes://a/b/raw', ['read', 'write']],
    ['notes://a?x/raw', ['read', 'write']],
  ])('by template: %s needs %j', (uri, scopes) => {
    expect([...rules.requiredScopes(read(uri))].sort()).toEqual(scopes)
  })

  it('requires the scopes of every template for a URI that is too long to parse', () => {
    expect([...rules.requiredScopes(read(`notes://${'a'.repeat(5_000)}`))].sort()).toEqual(['read', 'write'])
  })

  it('matches a hostile URI in no more time than a harmless one', () => {
    const many = table({ resources: { 'x://{a}-{b}-{c}-{d}{e}{f}!': ['write'] } })
    expect(many.requiredScopes(read(`x://${'-'.repeat(4_000)}`))).toEqual(['read'])
  })
})

describe('a rule for a resource, and spellings of its URI', () => {
  const rules = table({
    resources: { 'file:///secret/{name}': ['write'], 'file:///keys': ['admin'], 'file:///public/{+path}': [] },
    otherwise: [],
  })

  it.each([
    ['file:///public/a', []],
    ['file:///public/a%20b', []],
    ['file:///public/../secret/a', ['write']],
    ['file:///public/%2e%2e/secret/a', ['write']],
    ['file:///public/..%2Fsecret/a', ['write']],
    ['file:///public/..%5csecret/a', ['write']],
    ['file:///%73ecret/a', ['write']],
    ['file:///secret%2fa', ['write']],
    ['file://localhost/secret/a', ['write']],
    ['file:///key%73', ['admin']],
    ['file:///%6Beys', ['admin']],
    ['file:///other%', []],
  ])('holds for %s, which needs %j', (uri, scopes) => {
    expect(rules.requiredScopes(read(uri))).toEqual(scopes)
    expect(rules.scopesOf('resource', uri)).toEqual(scopes)
  })
})

describe('a body with more URIs than are worth looking at', () => {
  const rules = table({ resources: { 'notes://{id}/raw': ['write'], 'notes://admin': ['admin'] } })
  const uris = Array.from({ length: 4_000 }, (_, index) => `notes://${index}`)
  const listen = (resourceSubscriptions: string[]) =>
    call('subscriptions/listen', { notifications: { resourceSubscriptions } })

  it('requires the scopes of all rules for a subscription or a batch with too many URIs', () => {
    expect([...rules.requiredScopes(listen(uris))].sort()).toEqual(['admin', 'read', 'write'])
    expect([...rules.requiredScopes(uris.map(read))].sort()).toEqual(['admin', 'read', 'write'])
  })

  it('counts a URI once that a subscription repeats', () => {
    expect(rules.requiredScopes(listen(uris.map(() => 'notes://1')))).toEqual(['read'])
  })

  it('does not treat a subscription with some hundreds of URIs as too large', () => {
    expect(rules.requiredScopes(listen(uris.slice(0, 1_000)))).toEqual(['read'])
  })
})

describe('scopes that include others', () => {
  const includes = { admin: ['write'], write: ['read'] }
  const rules = table({}, { includes })

  it.each([
    [['admin'], ['read', 'write', 'admin'], true],
    [['write'], ['read'], true],
    [['read'], ['write'], false],
    [['write'], ['admin'], false],
    [[], [], true],
  ])('%j cover %j: %s', (held, needed, covered) => {
    expect(rules.covers(held, needed)).toBe(covered)
  })

  it('handles scopes named like members of Object.prototype', () => {
    const odd = createAccessTable({
      name: 'Odd',
      scopes: { constructor: 'One', toString: 'Another' },
      includes: { toString: ['constructor'] },
    })
    expect(odd.covers(['toString'], ['constructor'])).toBe(true)
    expect(odd.covers(['constructor'], ['toString'])).toBe(false)
  })

  it('handles scopes that include each other', () => {
    const circle = table({}, { includes: { read: ['write'], write: ['read'] } })
    expect(circle.covers(['read'], ['write'])).toBe(true)
    expect(circle.covers(['admin'], ['write'])).toBe(false)
  })
})

describe('an anonymous caller', () => {
  const rules = table({ anonymous: { methods: ['tools/list', 'subscriptions/listen'], tools: ['ping'] } })
  const listen = (notifications: object) => call('subscriptions/listen', { notifications })

  it.each([
    ['the handshake', call('initialize'), true],
    ['server/discover', call('server/discover'), true],
    ['a method that is listed', call('tools/list'), true],
    ['a tool that is listed', tool('ping'), true],
    ['another tool', tool('write_file'), false],
    ['another method', call('resources/list'), false],
    ['a batch of what is listed', [call('tools/list'), tool('ping')], true],
    ['a batch with something else', [call('tools/list'), tool('write_file')], false],
    ['an empty batch', [], false],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, false],
    ['a listed subscription to listings', listen({ toolsListChanged: true }), true],
    ['a listed subscription to a resource that needs scopes', listen({ resourceSubscriptions: ['files://1'] }), false],
    ['no body', undefined, false],
  ])('may send %s: %s', (_what, body, allowed) => {
    expect(rules.isAnonymous(body)).toBe(allowed)
  })

  it('does not let an anonymous method bypass the rule of a tool', () => {
    const open = table({
      anonymous: { methods: ['completion/complete', 'resources/subscribe'] },
      prompts: { greet: [] },
      methods: { initialize: ['read'] },
    })
    const complete = (name: string) => call('completion/complete', { ref: { type: 'ref/prompt', name } })
    expect(open.isAnonymous(complete('greet'))).toBe(true)
    expect(open.isAnonymous(complete('tidy'))).toBe(false)
    expect(open.isAnonymous(call('resources/subscribe', { uri: 'files://1' }))).toBe(false)
    expect(open.isAnonymous(call('initialize'))).toBe(false)
    expect(open.isAnonymous(call('ping'))).toBe(true)
  })

  it('lets an anonymous caller do nothing that a token without scopes cannot', () => {
    expect(rules.requiredScopes(tool('ping'))).toEqual([])
    expect(rules.requiredScopes(tool('pong'))).toEqual(['read'])
  })

  it('lets no anonymous caller in where the declaration lists nothing for them', () => {
    const closed = table({ anonymous: { methods: [], tools: [] } })
    expect(closed.allowsAnonymous).toBe(false)
    expect(closed.isAnonymous(call('initialize'))).toBe(false)
  })
})

it('names an operation in the log by method and name', () => {
  expect(operationOf(tool('x'))).toEqual({ method: 'tools/call', name: 'x' })
  expect(operationOf([call('tools/list'), tool('x')])).toEqual({ method: 'tools/list', name: undefined })
  expect(operationOf({ result: 1 })).toBeUndefined()
  const long = 'x'.repeat(50_000)
  expect(operationOf(tool(long))).toEqual({ method: 'tools/call', name: `${long.slice(0, 200)}…` })
  expect(operationOf(call(long))?.method).toHaveLength(201)
})
