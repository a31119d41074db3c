// Writes the published package to dist/: JavaScript, declarations, and the provider configurations that are read at start.
import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string) => new URL(path, import.meta.url)
rmSync(at('dist'), { recursive: true, force: true })
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: fileURLToPath(at('.')), stdio: 'inherit' })
for (const file of readdirSync(at('config'))) {
  if (file.endsWith('.json')) copyFileSync(at(`config/${file}`), at(`dist/config/${file}`))
}
process.exitCode = status ?? 1
