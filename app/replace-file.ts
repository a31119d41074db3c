import { randomUUID } from 'node:crypto'
import { chmod, rename, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** What Windows answers while another program has the file open: a reader, an index, a scanner for viruses. */
const IN_USE = ['EPERM', 'EACCES', 'EBUSY']
const FIRST_MILLISECONDS = 10
const LAST_MILLISECONDS = 1_000

/**
 * Puts a file into the place of another in one step. Windows refuses that for moments, and what is written here may be there once only,
 * as a refresh token is: so it is tried again.
 *
 * @param move - For tests. Default: `rename` of the system.
 */
export async function replaceFile(
  from: string,
  to: string,
  platform: NodeJS.Platform = process.platform,
  move: typeof rename = rename,
): Promise<void> {
  for (let wait = FIRST_MILLISECONDS; ; wait *= 2) {
    try {
      return await move(from, to)
    } catch (error) {
      const isInUse = platform === 'win32' && IN_USE.includes((error as NodeJS.ErrnoException).code ?? '')
      if (!isInUse || wait > LAST_MILLISECONDS) throw error
      await delay(wait)
    }
  }
}

/**
 * Writes a file so that nobody ever reads half of it, and one that was there stays if this fails.
 *
 * @param mode - Of the file. Default: that of the one that was there, and else what the system gives to new files.
 */
export async function writeWhole(path: string, text: string, mode?: number): Promise<void> {
  const draft = `${path}.${randomUUID()}.part`
  const wanted = mode ?? (await modeOf(path))
  try {
    await writeFile(draft, text, { flag: 'wx', mode: wanted })
    // What a file is made with goes through the mask of the process.
    if (wanted !== undefined) await chmod(draft, wanted)
    await replaceFile(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777
  } catch {
    return undefined
  }
}
