/** Something that ends at a time, in milliseconds since the Unix epoch. */
export interface Ending {
  readonly endsAt: number
}

/** What ends next, of many. */
export interface Endings<T> {
  add(item: T): void
  /** What ends first of all that is still current. */
  first(): T | undefined
}

/**
 * A binary heap. What is no longer current is left in it until it comes up, or until most of the heap is of that kind.
 *
 * @param isCurrent - Whether an item that was added still counts.
 */
export function createEndings<T extends Ending>(isCurrent: (item: T) => boolean): Endings<T> {
  let heap: T[] = []
  let sweepAt = SWEEP_FROM

  const endOf = (index: number) => heap[index]?.endsAt ?? Number.POSITIVE_INFINITY
  function exchange(a: number, b: number): void {
    const item = heap[a] as T
    heap[a] = heap[b] as T
    heap[b] = item
  }
  function rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1
      if (endOf(parent) <= endOf(at)) return
      exchange(at, parent)
      at = parent
    }
  }
  function sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const child = endOf(left + 1) < endOf(left) ? left + 1 : left
      if (endOf(at) <= endOf(child)) return
      exchange(at, child)
      at = child
    }
  }
  function removeFirst(): void {
    const last = heap.pop() as T
    if (heap.length === 0) return
    heap[0] = last
    sink()
  }

  return {
    add(item) {
      if (heap.length >= sweepAt) {
        // Sorted, it is a heap as well.
        heap = heap.filter(isCurrent).sort((a, b) => a.endsAt - b.endsAt)
        sweepAt = Math.max(SWEEP_FROM, 2 * heap.length)
      }
      heap.push(item)
      rise(heap.length - 1)
    },
    first() {
      while (heap[0] && !isCurrent(heap[0])) removeFirst()
      return heap[0]
    },
  }
}

const SWEEP_FROM = 1024
