import { type Attempt, nameOf } from './attempt.ts'
import { linesOf, waitingLine } from './lines.ts'
import type { WatchEvent } from './watcher.ts'

export interface View {
  event(event: WatchEvent): void
  /** Shows who is waited for, where the view can. */
  waiting(attempts: readonly Attempt[]): void
  end(): void
}

/** What a view writes to: standard output, or a test's. */
export interface Screen {
  readonly columns?: number | undefined
  write(text: string): unknown
}

const DEFAULT_COLUMNS = 80
/** Lines at the foot of a terminal. */
const MOST_WAITING = 5

/** One event a line, for programs. */
export function jsonView(screen: Screen): View {
  return {
    event: event => void screen.write(`${JSON.stringify({ ...event, at: new Date(event.at).toISOString() })}\n`),
    waiting: () => {},
    end: () => {},
  }
}

/** Lines that are added, and nothing else. */
export function lineView(screen: Screen): View {
  return {
    event: event => void screen.write(`${linesOf(event, screen.columns ?? DEFAULT_COLUMNS).join('\n')}\n`),
    waiting: () => {},
    end: () => {},
  }
}

/** Lines that are added, and below them who is waited for. Only those below are written anew. */
export function terminalView(screen: Screen, now: () => number = Date.now): View {
  let foot: string[] = []
  let shown = 0

  function erase(): string {
    const text = shown === 0 ? '' : `\u001b[${shown}A\u001b[0J`
    shown = 0
    return text
  }

  function withFoot(text: string): void {
    const drawn = erase() + text + foot.map(line => `${line}\n`).join('')
    shown = foot.length
    if (drawn !== '') screen.write(drawn)
  }

  return {
    event: event => withFoot(`${linesOf(event, screen.columns ?? DEFAULT_COLUMNS).join('\n')}\n`),
    waiting(attempts) {
      const columns = screen.columns ?? DEFAULT_COLUMNS
      const next = attempts.slice(-MOST_WAITING).flatMap(attempt => {
        const { number, expects } = attempt
        if (!expects) return []
        return [
          waitingLine({ number, name: nameOf(attempt), next: expects.next, since: expects.since }, now(), columns),
        ]
      })
      if (next.join('\n') === foot.join('\n')) return
      foot = next
      withFoot('')
    },
    end() {
      foot = []
      withFoot('')
    },
  }
}
