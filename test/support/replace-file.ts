import { renameSync, writeFileSync } from 'node:fs'

/**
 * Replaces a file that a program watches. Nobody sees half of it; and it is another file, even where content of the same length was
 * written within one tick of the file system's clock.
 */
export function replaceFile(path: string, content: string): void {
  const beside = `${path}.new`
  writeFileSync(beside, content)
  renameSync(beside, path)
}
