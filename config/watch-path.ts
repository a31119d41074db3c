/** What systems take for the path of a socket, in bytes: 104 with the byte that ends it on macOS, 108 on Linux. */
const MOST_BYTES = 103

/** What is wrong with the value of `AUTH_WATCH`. */
export function watchPathProblem(path: string): string | undefined {
  const { process } = globalThis
  if (globalThis.navigator?.userAgent === 'Cloudflare-Workers' || !process?.getBuiltinModule) {
    return 'cannot be used on this platform, which has no sockets that are files: remove it'
  }
  if (process.platform === 'win32') {
    return /^\\\\[.?]\\pipe\\./.test(path) ? undefined : 'must be the name of a pipe, such as \\\\.\\pipe\\idplug'
  }
  const { resolve } = process.getBuiltinModule('node:path')
  return Buffer.byteLength(resolve(path)) <= MOST_BYTES
    ? undefined
    : `must be a path of at most ${MOST_BYTES} bytes, from the root of the file system on`
}
