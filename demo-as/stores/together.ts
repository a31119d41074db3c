/**
 * Gathers calls, so that those of one turn of the event loop are done together: requests at once cost less than one after another.
 *
 * @param run - Gets the calls in the order in which they came; answers each of them itself, and never throws.
 */
export function together<Call>(run: (calls: readonly Call[]) => void): (call: Call) => void {
  let waiting: Call[] = []
  return call => {
    waiting.push(call)
    if (waiting.length > 1) return
    setImmediate(() => {
      const calls = waiting
      waiting = []
      run(calls)
    })
  }
}
