import { describe, expect, it } from 'vitest'
import { createCatalogTables } from '../../../app/notes/catalog-tables.ts'
import { notes } from '../../../app/notes/declaration.ts'
import { createNoteStore } from '../../../app/notes/notes.ts'
import { createNotesCatalog } from '../../../app/notes/notes-catalog.ts'
import { createAccessTable } from '../../../auth/access.ts'
import { declarationProblems } from '../../../auth/declaration.ts'

const catalog = createNotesCatalog(createNoteStore(), '1.0.0')

describe('the declaration of the notes server', () => {
  it('is right', () => {
    expect(declarationProblems(notes)).toEqual([])
  })

  it.each([
    ['tool', catalog.tools.map(({ name }) => name), notes.access.tools],
    ['resource', catalog.resources.map(({ uri }) => uri), notes.access.resources],
    ['prompt', catalog.prompts.map(({ name }) => name), notes.access.prompts],
  ])('has a rule for every %s that there is, and for none that there is not', (_kind, offered, rules) => {
    expect(offered.length).toBeGreaterThan(0)
    expect(Object.keys(rules).toSorted()).toEqual(offered.toSorted())
  })

  it('declares no scope that nothing needs', () => {
    const needed = Object.values(notes.access).flatMap(rules => Object.values<readonly string[]>(rules).flat())
    expect([...new Set(needed)].toSorted()).toEqual(Object.keys(notes.scopes).toSorted())
  })

  it('asks for more than reading wherever something is changed', () => {
    const table = createAccessTable(notes)
    for (const { name, annotations } of catalog.tools) {
      if (annotations.readOnlyHint !== true) expect(table.scopesOf('tool', name), name).toContain('notes:write')
    }
  })
})

describe('the listings of the notes server', () => {
  const tables = createCatalogTables(catalog, error => expect.fail(String(error)))

  it('say the same to everybody: they do not know who asks', () => {
    for (const list of [tables.listTools, tables.listResources, tables.listPrompts]) {
      expect(list.length).toBe(0)
      expect(list()).toEqual(list())
    }
    expect(tables.listTools().tools.map(({ description }) => description)).toEqual(
      catalog.tools.map(({ description }) => description),
    )
  })

  it('hold what a client can use, and no function of the server', () => {
    const listed = [tables.listTools(), tables.listResources(), tables.listPrompts()]
    expect(JSON.parse(JSON.stringify(listed))).toEqual(listed)
  })
})
