// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how the files refer to the environment.
import { describe, expect, it } from 'vitest'
import { expandReferences, referenceIn } from '../../config/references.ts'

describe('a default that holds a reference', () => {
  const file = { scopePrefix: '${APP_ID_URI:-${RESOURCE}}/', others: '${OTHERS:-}' }

  it('uses the default of a reference when the variable is not set', () => {
    const { value, missing } = expandReferences(file, { RESOURCE: 'https://mcp.example.com/mcp' })
    expect(value).toEqual({ scopePrefix: 'https://mcp.example.com/mcp/' })
    expect([...missing]).toEqual([])
  })

  it('ignores the default of a reference when the variable is set', () => {
    const { value, missing } = expandReferences(file, { APP_ID_URI: 'api://notes' })
    expect(value).toEqual({ scopePrefix: 'api://notes/' })
    expect([...missing]).toEqual([])
  })

  it('names the missing variable inside the default of a reference', () => {
    expect([...expandReferences(file, {}).missing]).toEqual([['RESOURCE', ['scopePrefix']]])
  })
})

describe('references', () => {
  const expand = (value: unknown, env: Record<string, string> = {}) => expandReferences(value, env).value

  it('expands references anywhere in a text, in lists and in objects', () => {
    const file = {
      url: '${SCHEME}://${HOST}/x',
      list: ['${HOST}', 'b'],
      deep: { texts: ['${HOST}'] },
      count: 1,
      no: null,
    }
    expect(expand(file, { SCHEME: 'https', HOST: 'a.example' })).toEqual({
      url: 'https://a.example/x',
      list: ['a.example', 'b'],
      deep: { texts: ['a.example'] },
      count: 1,
      no: null,
    })
  })

  it('leaves out a place whose reference is empty, so that the default of the schema applies', () => {
    expect(expand({ a: '${A:-}', b: '', c: 'x${A:-}' }, { A: '  ' })).toEqual({ b: '', c: 'x' })
  })

  it('does not expand references in the value of a variable', () => {
    expect(expand({ a: '${A}' }, { A: '${B}', B: 'no' })).toEqual({ a: '${B}' })
  })

  it('expands :+ only where the variable is set', () => {
    const file = { secretEnv: '${CLIENT_ID:+CLIENT_SECRET}', both: 'x${CLIENT_ID:+-${SUFFIX}}' }
    expect(expand(file)).toEqual({ both: 'x' })
    expect(expand(file, { CLIENT_ID: 'c', SUFFIX: 's' })).toEqual({ secretEnv: 'CLIENT_SECRET', both: 'x-s' })
    expect([...expandReferences(file, { CLIENT_ID: 'c' }).missing]).toEqual([['SUFFIX', ['both']]])
  })

  it('names each missing variable with every place that needs it', () => {
    const { missing } = expandReferences({ a: '${A}', b: { c: ['${A}', '${B}'] } }, {})
    expect([...missing]).toEqual([
      ['A', ['a', 'b.c.0']],
      ['B', ['b.c.1']],
    ])
  })

  it.each([
    'https://a.example',
    'a.example,',
    '$HOST',
    'a.example/',
    'a.example/path',
    'u@a.example',
    'a.example?x',
    'a b',
  ])('take %s for no host name', HOST => {
    const { noHosts, value } = expandReferences({ url: 'https://${HOST}/x' }, { HOST })
    expect([...noHosts]).toEqual([['HOST', ['url']]])
    expect(value).toEqual({ url: 'https://${HOST}/x' })
  })

  it.each(['https://a.example/oauth2/default', 'oauth2/default', 'My server', 'default?x', '$ID'])(
    'take %s for no part of a path',
    ID => {
      const { noHosts } = expandReferences({ url: 'https://a.example/oauth2/${ID:-default}/v1' }, { ID })
      expect([...noHosts]).toEqual([['ID', ['url']]])
    },
  )

  it('accepts a part of a path that is encoded', () => {
    expect(expand({ url: 'https://a.example/realms/${REALM}' }, { REALM: 'my%20realm~1' })).toEqual({
      url: 'https://a.example/realms/my%20realm~1',
    })
  })

  it('accepts a host name with a port', () => {
    expect(expand({ url: 'https://${HOST}/x' }, { HOST: 'a.example:8443' })).toEqual({
      url: 'https://a.example:8443/x',
    })
  })
})

describe('the variable behind a text', () => {
  const text = '${URL:-https://${HOST}/${PATH:-default}}'

  it.each([
    [{ URL: 'https://a.example' }, 'URL'],
    [{ HOST: 'a.example', PATH: 'x' }, 'HOST'],
    [{ PATH: 'x' }, 'PATH'],
    [{}, 'URL'],
  ])('with %j set is %s', (env, name) => {
    expect(referenceIn(text, env)).toBe(name)
  })

  it('finds no variable behind a text without references', () => {
    expect(referenceIn('https://a.example', {})).toBeUndefined()
    expect(referenceIn(['${A}'], { A: 'a' })).toBeUndefined()
  })
})
