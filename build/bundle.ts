// One JavaScript file for each entry, and one for each set of modules that several entries share.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { library, outputName, type Package } from './packages.ts'
import { withoutDescriptions, withoutSchemaPaths } from './without-descriptions.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Modules that do not become part of a bundle. Ours have a path, which on Windows begins with the letter of a drive. */
export const OF_OTHERS = /^(?![./]|[A-Za-z]:[\\/])/

/** @param out - Folder of the built packages. */
export async function bundle({ entries, together, folder }: Package, out: string): Promise<void> {
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [outputName(name), file])),
    platform: 'node',
    external: OF_OTHERS,
    plugins: folder === library.folder ? [withoutDescriptions(), withoutSchemaPaths()] : [],
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message)
    },
  })
  await build.write({
    dir: join(out, folder, 'lib'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    comments: { jsdoc: false }, // they stand in the declarations
    // Every file takes half a millisecond to load. What an earlier group has is not taken again.
    codeSplitting: {
      groups: Object.entries(together).map(([name, files]) => ({
        name,
        test: id => files.some(file => id === join(root, file)),
      })),
    },
  })
  await build.close()
}
