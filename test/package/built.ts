import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The packages as they would be published, each in a folder: `idplug` and `server`. Built once for the same sources.
 *
 * @returns Path of the folder that holds both.
 */
export function builtPackages(): string {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z', '--', ':!test', ':!bench'], {
    cwd: root,
    encoding: 'utf8',
  })
  const digest = createHash('sha256')
  for (const file of files.split('\0')) {
    if (file && existsSync(join(root, file))) digest.update(file).update(readFileSync(join(root, file)))
  }
  const cache = join(root, 'node_modules/.cache/idplug-packages')
  const place = join(cache, digest.digest('hex').slice(0, 16))
  if (existsSync(place)) return place
  mkdirSync(cache, { recursive: true })
  const made = mkdtempSync(join(cache, 'new-'))
  execFileSync(process.execPath, [join(root, 'build/build.ts'), made], { stdio: 'pipe' })
  try {
    renameSync(made, place)
  } catch (error) {
    // Another test was faster.
    if (!existsSync(place)) throw error
  }
  return place
}

const folders: string[] = []

export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `idplug-${name}-`))
  folders.push(folder)
  return folder
}

export function removeTemporaryFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}
