/** Servers write in blocks, so what happened first may arrive last. */
const HOLD_MILLISECONDS = 150

interface Held {
  readonly at: number
  readonly run: () => void
  readonly until: number
}

export interface Order {
  /** @param at - When it happened, in milliseconds since the Unix epoch. */
  add(at: number, run: () => void): void
  /** Runs what is held, at once. */
  end(): void
}

/** Runs what several processes write in the order in which it happened, as far as it arrives within a moment. */
export function createOrder(): Order {
  let held: Held[] = []
  let timer: NodeJS.Timeout | undefined

  function runUntil(moment: number): void {
    const isDue = ({ until }: Held) => until <= moment
    // Where something waits that happened earlier, it goes first.
    const latest = Math.max(...held.filter(isDue).map(({ at }) => at))
    const isNext = (entry: Held) => isDue(entry) || entry.at < latest
    const next = held.filter(isNext).toSorted((a, b) => a.at - b.at)
    held = held.filter(entry => !isNext(entry))
    for (const { run } of next) run()
    schedule()
  }

  function schedule(): void {
    clearTimeout(timer)
    timer = undefined
    const next = Math.min(...held.map(({ until }) => until))
    if (held.length > 0) timer = setTimeout(() => runUntil(Date.now()), Math.max(1, next - Date.now()))
  }

  return {
    add(at, run) {
      held.push({ at, run, until: Date.now() + HOLD_MILLISECONDS })
      if (!timer) schedule()
    },
    end: () => runUntil(Number.POSITIVE_INFINITY),
  }
}
