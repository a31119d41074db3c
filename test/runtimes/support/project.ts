import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { builtPackages, root, temporaryFolder } from '../../package/built.ts'

const servers = fileURLToPath(new URL('../servers', import.meta.url))

/** Where a server runs, and which of its parts are its own there. */
export type Platform = 'node' | 'bun' | 'deno' | 'workerd'
export type ServerName = 'jwt' | 'introspection' | 'settings' | 'demo'

/**
 * A folder as a user has it: servers in JavaScript, and in `node_modules` both packages as they would be published, beside what they
 * depend on.
 */
export function createProject(): {
  readonly folder: string
  write(server: ServerName, platform: Platform): Promise<string>
} {
  const folder = temporaryFolder('runtimes')
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '@idplug'), { recursive: true })
  const built = builtPackages()
  cpSync(join(built, 'idplug'), join(modules, 'idplug'), { recursive: true })
  cpSync(join(built, 'server'), join(modules, '@idplug/server'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!/^\.|^idplug/.test(name)) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "name": "a-server", "private": true, "type": "module" }')
  return {
    folder,
    async write(server, platform) {
      const file = join(folder, `${server}-on-${platform}.js`)
      writeFileSync(file, await bundle(server, platform, modules))
      return file
    },
  }
}

/** A Worker is one file with everything in it; elsewhere the packages stay where they are. */
async function bundle(server: ServerName, platform: Platform, modules: string): Promise<string> {
  const entry = `import { serve } from './on-${platform}.ts'\nimport { createServer } from './${server}.ts'
export default await serve(createServer)`
  const build = await rolldown({
    input: 'entry',
    cwd: servers,
    platform: platform === 'workerd' ? 'neutral' : 'node',
    resolve: { conditionNames: ['import', 'workerd', 'default'] },
    external: platform === 'workerd' ? [/^node:/, /^#/, 'undici'] : [/^node:/, /^idplug/],
    plugins: [
      {
        name: 'project',
        resolveId(id) {
          if (id === 'entry') return join(servers, 'entry.ts')
          if (platform !== 'workerd' || !/^idplug(\/|$)/.test(id)) return undefined
          return join(modules, 'idplug/lib', `${id === 'idplug' ? 'index' : id.slice('idplug/'.length)}.js`)
        },
        load: id => (id === join(servers, 'entry.ts') ? entry : undefined),
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  return output[0].code
}
