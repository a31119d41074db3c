import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { assess } from './assess.ts'
import { projects } from './projects.ts'
import { fileOf, type Published, publish, table } from './publish.ts'

const read = (id: string): Published => JSON.parse(readFileSync(fileOf(id), 'utf8'))

describe('what is published about other projects', () => {
  it.concurrent.for(projects)('is what $id does', async (project, { expect }) => {
    const published = read(project.id)
    const { versions, results } = publish(project, await assess(project))
    expect(versions).toEqual(published.versions)
    expect(project.configured).toEqual(published.configured)
    const before = new Map(published.results.map(({ id, verdict }) => [id, verdict]))
    const differing = results.filter(({ id, verdict }) => verdict !== before.get(id))
    expect(differing).toEqual([])
    expect(results).toHaveLength(before.size)
  })

  it('is in the table as it is in the files', () => {
    const page = readFileSync(new URL('../../../docs/conformance/field.md', import.meta.url), 'utf8')
    expect(page).toBe(table(projects.filter(({ id }) => existsSync(fileOf(id))).map(({ id }) => read(id))))
  })
})
