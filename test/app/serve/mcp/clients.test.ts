import { describe, expect, it } from 'vitest'
import { connectLegacy, connectModern, serve } from './support.ts'

describe.each([
  { era: '2025-11-25 through the 1.x client', connect: connectLegacy, resourceNotFound: -32002 },
  { era: '2026-07-28 through the 2.x client', connect: connectModern, resourceNotFound: -32602 },
])('$era', ({ connect, resourceNotFound }) => {
  it('says who it is', async () => {
    const { url } = await serve()
    const client = await connect(url, { bearer: 'alice' })
    expect(client.getServerVersion()).toMatchObject({ name: 'idplug-notes', version: '1.2.3' })
  })

  it('tells the caller who is signed in, without the token', async () => {
    const { url } = await serve()
    const client = await connect(url, { bearer: 'alice' })
    const result = await client.callTool({ name: 'whoami' })
    expect(result.structuredContent).toEqual({
      issuer: 'https://issuer.example',
      subject: 'alice',
      clientId: 'client-1',
      principalType: 'user',
      scopes: ['notes:read', 'notes:write'],
      expiresAt: '2096-10-02T07:06:40.000Z',
    })
    expect(result.content).toEqual([{ type: 'text', text: JSON.stringify(result.structuredContent) }])
  })

  it('keeps notes: adds, lists, reads and deletes them', async () => {
    const { url } = await serve()
    const client = await connect(url, { bearer: 'alice' })
    const added = await client.callTool({ name: 'add_note', arguments: { title: 'Milk', text: 'two bottles' } })
    const { id } = added.structuredContent as { id: string }
    expect((await client.callTool({ name: 'list_notes' })).structuredContent).toMatchObject({
      notes: [{ id, title: 'Milk' }],
    })
    expect((await client.callTool({ name: 'read_note', arguments: { id } })).structuredContent).toMatchObject({
      text: 'two bottles',
    })
    expect(await client.readResource({ uri: 'notes://mine' })).toMatchObject({
      contents: [{ uri: 'notes://mine', mimeType: 'text/markdown', text: '# Milk\n\ntwo bottles\n' }],
    })
    await client.callTool({ name: 'delete_note', arguments: { id } })
    expect((await client.callTool({ name: 'list_notes' })).structuredContent).toEqual({ notes: [] })
  })

  it('counts the notes of every user for an administrator', async () => {
    const { url } = await serve()
    const alice = await connect(url, { bearer: 'alice' })
    await alice.callTool({ name: 'add_note', arguments: { title: 'Milk', text: '' } })
    const admin = await connect(url, { bearer: 'admin' })
    expect((await admin.callTool({ name: 'admin_stats' })).structuredContent).toEqual({
      users: [{ issuer: 'https://issuer.example', subject: 'alice', notes: 1 }],
    })
  })

  it('offers its prompt and its resource', async () => {
    const { url } = await serve()
    const client = await connect(url, { bearer: 'alice' })
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual(['notes://mine'])
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['summarize_notes'])
    const prompt = await client.getPrompt({ name: 'summarize_notes', arguments: { style: 'a haiku' } })
    expect(JSON.stringify(prompt.messages)).toContain('Style: a haiku.')
  })

  it('lists the same tools to everybody, in the same words, whatever the token can do', async () => {
    const { url } = await serve()
    const { tools } = await (await connect(url, { bearer: 'bare' })).listTools()
    expect(tools.map(({ name }) => name)).toContain('admin_stats')
    expect((await (await connect(url, { bearer: 'alice' })).listTools()).tools).toEqual(tools)
    expect((await (await connect(url, { bearer: 'admin' })).listTools()).tools).toEqual(tools)
  })

  it('goes by the token of the request, not by the one that connected', async () => {
    const { url } = await serve()
    const as = { bearer: 'alice-reads' }
    const client = await connect(url, as)
    await expect(client.callTool({ name: 'add_note', arguments: { title: 'a', text: '' } })).rejects.toThrow()
    as.bearer = 'alice'
    const result = await client.callTool({ name: 'add_note', arguments: { title: 'a', text: '' } })
    expect(result.isError).toBeFalsy()
    as.bearer = 'alice-reads'
    await expect(client.callTool({ name: 'add_note', arguments: { title: 'b', text: '' } })).rejects.toThrow()
  })

  it.each([
    { name: 'read_note', args: {}, says: 'id' },
    { name: 'read_note', args: { id: 'x' }, says: 'Invalid UUID' },
    { name: 'read_note', args: { id: '00000000-0000-4000-8000-000000000000' }, says: 'You have no note with the id' },
    { name: 'whoami', args: { extra: true }, says: 'extra' },
    { name: 'add_note', args: { title: 'x'.repeat(101), text: '' }, says: 'title' },
    { name: 'add_note', args: { title: ' ', text: '' }, says: 'title' },
  ])('answers $name $args with an error result that says $says', async ({ name, args, says }) => {
    const { url } = await serve()
    const client = await connect(url, { bearer: 'alice' })
    const result = await client.callTool({ name, arguments: args })
    expect(result.isError).toBe(true)
    expect(JSON.stringify(result.content)).toContain(says)
  })

  it.each(['nope', '__proto__', 'constructor', 'toString', ''])('refuses the tool %j with -32602', async name => {
    const { url } = await serve()
    const client = await connect(url, { bearer: 'alice' })
    await expect(client.callTool({ name })).rejects.toMatchObject({ code: -32602 })
  })

  it('refuses an unknown prompt and an unknown resource as the revision wants it', async () => {
    const { url } = await serve()
    const client = await connect(url, { bearer: 'alice' })
    await expect(client.getPrompt({ name: 'constructor' })).rejects.toMatchObject({ code: -32602 })
    await expect(client.readResource({ uri: 'notes://theirs' })).rejects.toMatchObject({ code: resourceNotFound })
  })
})
