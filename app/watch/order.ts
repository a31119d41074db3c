/** Servers write in blocks, so what happened first may arrive last. */
const HOLD_MILLISECONDS = 150

interface Timed {
  readonly at: number
}

export interface Order<T extends Timed> {
  add(item: T): void
  /** Gives out what is held, at once. */
  end(): void
}

/** Gives out what several processes write in the order in which it happened, as far as it arrives within a moment. */
export function createOrder<T extends Timed>(onItem: (item: T) => void): Order<T> {
  let held: { readonly item: T; readonly until: number }[] = []
  let timer: NodeJS.Timeout | undefined

  function give(until: number): void {
    const due = held.filter(entry => entry.until <= until)
    held = held.filter(entry => entry.until > until)
    // Where something waits that happened earlier, it goes first.
    const latest = Math.max(...due.map(({ item }) => item.at))
    const before = held.filter(({ item }) => item.at < latest)
    held = held.filter(({ item }) => item.at >= latest)
    for (const { item } of [...due, ...before].toSorted((a, b) => a.item.at - b.item.at)) onItem(item)
    schedule()
  }

  function schedule(): void {
    clearTimeout(timer)
    timer = undefined
    const next = Math.min(...held.map(({ until }) => until))
    if (held.length > 0) timer = setTimeout(() => give(Date.now()), Math.max(1, next - Date.now()))
  }

  return {
    add(item) {
      held.push({ item, until: Date.now() + HOLD_MILLISECONDS })
      if (!timer) schedule()
    },
    end: () => {
      give(Number.POSITIVE_INFINITY)
    },
  }
}
