/** Lets a process say so much at a time, so that one that cannot stop does not fill the log of all. */
export interface FloodGate {
  /** Whether the next line is to be told. */
  passes(): boolean
  /** Tells at once what was dropped. */
  close(): void
}

const MOST_LINES = 200
const WINDOW_MILLISECONDS = 10_000

/** @param onDropped - Told how many lines were dropped, once for each window in which any were. */
export function createFloodGate(onDropped: (lines: number) => void): FloodGate {
  let count = 0
  let window: NodeJS.Timeout | undefined

  function end(): void {
    clearTimeout(window)
    window = undefined
    const dropped = count - MOST_LINES
    count = 0
    if (dropped > 0) onDropped(dropped)
  }

  return {
    passes() {
      window ??= setTimeout(end, WINDOW_MILLISECONDS).unref()
      return ++count <= MOST_LINES
    },
    close: end,
  }
}
