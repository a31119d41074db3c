import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { removeTemporaryFolders, temporaryFolder } from './built.ts'
import { run, succeed } from './npm.ts'
import { npmEnvironment, type Registry, startRegistry } from './registry.ts'

/** Somebody's project, in which nothing is installed yet. */
export interface Project {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  npm(...args: string[]): Promise<string>
  write(files: Readonly<Record<string, string>>): void
  node(...args: string[]): ReturnType<typeof run>
}

/** Projects for the tests of a file, with a registry that has our packages. Both go with them. */
export function projectsWithRegistry(): (files?: Readonly<Record<string, string>>) => Project {
  let registry: Registry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => {
    registry.close()
    removeTemporaryFolders()
  })
  return (files = {}) => {
    const folder = temporaryFolder('project')
    const env = npmEnvironment(registry)
    const project: Project = {
      folder,
      env,
      npm: (...args) => succeed('npm', args, folder, env),
      write(more) {
        for (const [path, content] of Object.entries(more)) writeFileSync(join(folder, path), content)
      },
      node: (...args) => run(process.execPath, args, folder, env),
    }
    project.write({ 'package.json': '{ "name": "a-server", "private": true, "type": "module" }', ...files })
    return project
  }
}
