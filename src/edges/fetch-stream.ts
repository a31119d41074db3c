import type { Access } from '../auth.ts'

/** The same response, whose event stream ends with the token that opened it. */
export function endWithToken(response: Response, access: Access): Response {
  const { body } = response
  if (!access.token || !body || !isEventStream(response)) return response
  return new Response(untilAborted(body, access), response)
}

function isEventStream({ headers }: Response): boolean {
  return /^text\/event-stream *(?:$|;)/i.test(headers.get('content-type') ?? '')
}

function untilAborted(body: ReadableStream<Uint8Array>, access: Access): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const { signal } = access
  let close = () => {}
  const isOver = () => {
    signal.removeEventListener('abort', close)
    access.done()
  }
  return new ReadableStream({
    start(controller) {
      // The client reads the end of the stream, comes back, and is told why by a 401.
      close = () => {
        controller.close()
        void reader.cancel(signal.reason).catch(() => {})
        isOver()
      }
      signal.addEventListener('abort', close, { once: true })
    },
    async pull(controller) {
      const { done, value } = await reader.read().catch(error => {
        isOver()
        throw error
      })
      if (signal.aborted) return
      if (!done) return controller.enqueue(value)
      isOver()
      controller.close()
    },
    cancel(reason) {
      isOver()
      return reader.cancel(reason)
    },
  })
}
