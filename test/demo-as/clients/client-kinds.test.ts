import { describe, expect, it } from 'vitest'
import { createClientKinds } from '../../../demo-as/clients/client-kinds.ts'
import { createResources } from '../../../demo-as/resources.ts'
import { files, notes } from '../support.ts'

const nightly = { client_id: 'nightly', scope: 'notes:admin files:read' }
const published = { client_id: 'https://client.example/known.json', scope: 'notes:write' }
const agent = { client_id: 'agent' }
const { kindOf, scopesWithoutPerson } = createClientKinds(createResources([notes, files]), [nightly, published, agent])

describe('the kind of a client', () => {
  it.each([
    'https://claude.ai/oauth/claude-code-client-metadata',
    'https://chatgpt.com/oauth/codex/client.json',
    'https://github.com/copilot/cli/client-metadata.json',
    'https://client.example/',
    'https://client.example:8443/client.json',
    'https://client.example/client.json?version=2',
    'https://client.example/%C3%A9/~user/client.json',
    'https://xn--bcher-kva.example/client.json',
  ])('is document for %s', id => {
    expect(kindOf(id)).toBe('document')
  })

  it.each(['nightly', 'agent', published.client_id, notes.clientId, files.clientId])('is configured for %s', id => {
    expect(kindOf(id)).toBe('configured')
  })

  it.each([
    'V1StGXR8_Z5jdHi6B-myT78q2b4c6d8e0f1g2h3i4j5',
    'NIGHTLY',
    'localhost:3001',
    'urn:uuid:1',
    '//client.example/client.json',
    '',
    'undefined',
  ])('is registered for %j: it names no address', id => {
    expect(kindOf(id)).toBe('registered')
  })

  it.each(['HTTPS://client.example/known.json', 'https://client.example', 'http://client.example/client.json'])(
    'is misspelled for %s',
    id => {
      expect(kindOf(id)).toBe('misspelled')
    },
  )
})

describe('scopes without a person', () => {
  it.each([
    ['nightly', ['notes:admin'], ['files:read']],
    [published.client_id, ['notes:write'], []],
    ['agent', ['notes:read'], ['files:read']],
    ['https://client.example/client.json', ['notes:read'], ['files:read']],
    ['HTTPS://client.example/known.json', ['notes:read'], ['files:read']],
    ['V1StGXR8_Z5jdHi6B', ['notes:read'], ['files:read']],
  ])('are those that the configuration gives, and the default otherwise: %s', (id, ofNotes, ofFiles) => {
    expect(scopesWithoutPerson(id, notes)).toEqual(ofNotes)
    expect(scopesWithoutPerson(id, files)).toEqual(ofFiles)
  })
})
