import { rename } from 'node:fs/promises'
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
