import { describe, expect, it } from 'vitest'
import { type AnyClient, connectLegacy, connectModern, serve } from './support.ts'

describe.each([
  { era: '2025-11-25', connect: connectLegacy },
  { era: '2026-07-28', connect: connectModern },
])('two users at once, $era', ({ connect }) => {
  it('answers each of many interleaved calls to the user who made it', async () => {
    const { url, rejections } = await serve()
    const alice = await connect(url, { bearer: 'alice' })
    const bob = await connect(url, { bearer: 'bob' })
    // Both clients count their request ids from 0, so every id is in flight twice.
    const calls = Array.from({ length: 200 }, async (_, i) => {
      const [client, subject] = i % 2 ? ([alice, 'alice'] as const) : ([bob, 'bob'] as const)
      expect((await client.callTool({ name: 'whoami' })).structuredContent).toMatchObject({ subject })
    })
    await Promise.all(calls)
    expect(rejections).toEqual([])
  })

  it.each(['bob', 'alice-elsewhere'])('shows notes of alice to nobody else: %s', async stranger => {
    const { url } = await serve()
    const alice = await connect(url, { bearer: 'alice' })
    const other = await connect(url, { bearer: stranger })
    const id = await addNote(alice)
    const before = await other.callTool({ name: 'read_note', arguments: { id } })
    expect(before).toMatchObject({ isError: true })
    expect(await other.callTool({ name: 'delete_note', arguments: { id } })).toMatchObject({ isError: true })
    expect((await other.callTool({ name: 'list_notes' })).structuredContent).toEqual({ notes: [] })
    expect(await other.readResource({ uri: 'notes://mine' })).toMatchObject({
      contents: [{ text: 'There are no notes yet.\n' }],
    })
    expect((await alice.callTool({ name: 'read_note', arguments: { id } })).isError).toBeFalsy()
  })

  it('shows one user the same notes through every client', async () => {
    const { url } = await serve()
    const id = await addNote(await connect(url, { bearer: 'alice' }))
    const other = await connect(url, { bearer: 'alice-other-client' })
    expect((await other.callTool({ name: 'read_note', arguments: { id } })).structuredContent).toMatchObject({ id })
  })
})

it('serves both generations of clients from the same notes at the same time', async () => {
  const { url } = await serve()
  const id = await addNote(await connectLegacy(url, { bearer: 'alice' }))
  const modern = await connectModern(url, { bearer: 'alice' })
  expect((await modern.callTool({ name: 'read_note', arguments: { id } })).structuredContent).toMatchObject({ id })
})

async function addNote(client: AnyClient): Promise<string> {
  const { structuredContent } = await client.callTool({ name: 'add_note', arguments: { title: 'Secret', text: 'x' } })
  return (structuredContent as { id: string }).id
}
