import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { run } from '../package/npm.ts'
import { readMove } from './page.ts'
import { folderWith } from './running.ts'

const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
const CONFIG = JSON.stringify({
  compilerOptions: {
    strict: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024'],
    types: ['node'],
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
  },
})

/** What readers have of their own, where a page says so. */
const own: Readonly<Record<string, readonly [name: string, text: string]>> = {
  'better-auth.md': ['pages.ts', readFileSync(new URL('better-auth-pages.ts', import.meta.url), 'utf8')],
  'reference-remote-server.md': [
    'shttp.ts',
    'export async function handleStreamableHTTP(_req: object, _res: object) {}',
  ],
}

it.each([
  ['require-bearer-auth.md', '1.x/'],
  ['require-bearer-auth.md', '2.x/'],
  ['mcp-auth.md', ''],
  ['fastmcp.md', ''],
  ['better-auth.md', ''],
  ['reference-remote-server.md', ''],
])(
  'docs/moving/%s %s: the code has the types that it says',
  async (page, part) => {
    for (const files of Object.values(readMove(page, part))) {
      if (files.size === 0) continue
      const folder = folderWith(new Map([...files, ...(own[page] ? [own[page]] : []), ['tsconfig.json', CONFIG]]))
      const { stdout } = await run(process.execPath, [tsc, '-p', '.'], folder, process.env)
      // Files of this repository are checked by its own settings.
      expect(stdout.split('\n').filter(line => /^\w/.test(line) && !line.startsWith('node_modules'))).toEqual([])
    }
  },
  300_000,
)
