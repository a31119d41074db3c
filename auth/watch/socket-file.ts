import type { Stats } from 'node:fs'

/**
 * What speaks against a socket that is there: others could read what is written to it, or it is somebody else's. What a named pipe of
 * Windows lets others do is up to the system.
 *
 * @returns `absent` where there is nothing; `undefined` where nothing speaks against it.
 */
export async function socketProblem(path: string): Promise<string | undefined> {
  const wrong = pathProblem(path)
  const { process } = globalThis
  if (wrong !== undefined || process.platform === 'win32') return wrong
  const { lstat, stat } = process.getBuiltinModule('node:fs/promises')
  const { dirname } = process.getBuiltinModule('node:path')
  const found = await lstat(path).catch(codeOf)
  if (typeof found === 'string') return found === 'ENOENT' ? 'absent' : `cannot be looked at (${found})`
  const folder = await stat(dirname(path)).catch(codeOf)
  if (typeof folder === 'string') return `is in a folder that cannot be looked at (${folder})`
  return fileProblem(found) ?? folderProblem(folder)
}

const codeOf = ({ code }: NodeJS.ErrnoException) => code ?? 'unknown'

function fileProblem(found: Stats): string | undefined {
  if (found.isSymbolicLink()) return 'is a symbolic link: name the file that it leads to'
  if (!found.isSocket()) return 'is there already, and is not a socket: name another path'
  if (!isTrusted(found.uid)) return `belongs to another user (uid ${found.uid}): run the server as the user who watches`
  if (found.mode & 0o077) return `can be opened by other users (mode ${modeOf(found)}): its mode must be 0600`
  return undefined
}

/** Whoever may rename files in a folder can put a socket of theirs into the place of another. */
export function folderProblem(folder: Stats): string | undefined {
  const isSticky = (folder.mode & 0o1000) !== 0
  const isSafe = isTrusted(folder.uid) && ((folder.mode & 0o022) === 0 || isSticky)
  return isSafe || (isSticky && folder.uid === 0)
    ? undefined
    : `is in a folder that other users can change (mode ${modeOf(folder)}): name a path in a folder of your own`
}

const isTrusted = (uid: number) => uid === 0 || uid === globalThis.process.getuid?.()
const modeOf = ({ mode }: Stats) => (mode & 0o7777).toString(8).padStart(4, '0')

/** What systems take for the path of a socket, in bytes: 104 with the byte that ends it on macOS, 108 on Linux. */
const MOST_BYTES = 103

/** What speaks against a path, whatever is there. */
export function pathProblem(path: string): string | undefined {
  const { process } = globalThis
  if (process.platform === 'win32') {
    return /^\\\\[.?]\\pipe\\./.test(path) ? undefined : 'must be the name of a pipe, such as \\\\.\\pipe\\idplug'
  }
  const { resolve } = process.getBuiltinModule('node:path')
  return Buffer.byteLength(resolve(path)) <= MOST_BYTES
    ? undefined
    : `must be a path of at most ${MOST_BYTES} bytes, from the root of the file system on`
}
