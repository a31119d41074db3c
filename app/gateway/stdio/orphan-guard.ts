import { type ChildProcess, spawn } from 'node:child_process'

/** Ends process groups when this process is gone without having ended them, be it by `kill -9`. */
export interface OrphanGuard {
  /** @param group - Id of a process group. */
  watch(group: number): void
  /** The group is gone, or somebody else ends it. */
  forget(group: number): void
  close(): void
}

// Reads what to watch from its standard input, which ends when we do, however that happens. A shell, because it takes a megabyte
// where another Node would take forty.
const SCRIPT = `
groups=
while read -r verb group; do
  others=
  for other in $groups; do [ "$other" = "$group" ] || others="$others $other"; done
  groups=$others
  [ "$verb" = watch ] && groups="$groups $group"
done
[ -n "$groups" ] || exit 0
for group in $groups; do kill -s TERM -- "-$group"; done
sleep 2
for group in $groups; do kill -s KILL -- "-$group"; done
`

/** @param onError - Told when the guard cannot run: then only commands that end with their standard input end with us. */
export function createOrphanGuard(onError: (error: Error) => void): OrphanGuard {
  const groups = new Set<number>()
  let shell: ChildProcess | undefined
  let closed = false

  function start(): ChildProcess {
    // In a group of its own: a signal to ours, such as Ctrl+C, must not end it before its work is done.
    const started = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: {} })
    const gone = (error?: Error) => {
      if (shell !== started) return
      shell = undefined
      if (error) onError(error)
    }
    started.once('error', gone).once('exit', () => gone())
    started.stdin.on('error', () => {})
    started.unref()
    ;(started.stdin as { unref?: () => void }).unref?.()
    return started
  }

  function tell(verb: 'watch' | 'forget', group: number): void {
    shell?.stdin?.write(`${verb} ${group}\n`)
  }

  return {
    watch(group) {
      groups.add(group)
      // Process groups are POSIX; Windows has none.
      if (closed || process.platform === 'win32') return
      if (shell) return tell('watch', group)
      shell = start()
      for (const each of groups) tell('watch', each)
    },
    forget(group) {
      if (groups.delete(group)) tell('forget', group)
      if (closed && groups.size === 0) shell?.stdin?.end()
    },
    close() {
      closed = true
      if (groups.size === 0) shell?.stdin?.end()
    },
  }
}
