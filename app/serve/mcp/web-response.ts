import type { ServerResponse } from 'node:http'

/** Sends a handler's answer. Resolves when all of it is handed over or the client is gone; never rejects for the latter. */
export async function sendWebResponse(response: Response, res: ServerResponse): Promise<void> {
  res.statusCode = response.status
  for (const [name, value] of response.headers) {
    // Whether the connection stays open is for node:http to say: it knows when the server is closing.
    if (name !== 'connection') res.setHeader(name, value)
  }
  if (!response.body) res.end()
  else if (response.headers.get('content-type') === 'text/event-stream') await sendStream(response.body, res)
  else res.end(Buffer.from(await response.arrayBuffer()))
}

/**
 * Most event streams are complete by the time the handler returns; they leave in one piece, with their length. One that is
 * not complete by the end of this turn of the event loop is sent as it comes.
 */
async function sendStream(body: ReadableStream<Uint8Array>, res: ServerResponse): Promise<void> {
  const reader = body.getReader()
  const cancel = () => void reader.cancel().catch(() => {})
  if (res.destroyed) return cancel()
  res.once('close', cancel)
  let early: Uint8Array[] | undefined = []
  const turn = setImmediate(() => {
    for (const chunk of early ?? []) res.write(chunk)
    early = undefined
    res.flushHeaders()
  })
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    if (early) early.push(chunk.value)
    else if (!res.write(chunk.value)) await drained(res)
  }
  clearImmediate(turn)
  res.end(early && Buffer.concat(early))
}

function drained(res: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => {
    res.off('drain', done).off('close', done)
    resolve()
  }
  res.on('drain', done).on('close', done)
  return promise
}

/** Refuses a request the way the SDKs do, before any of them is asked. */
export function sendRpcError(
  res: ServerResponse,
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  res
    .writeHead(status, { 'Content-Type': 'application/json', ...headers })
    .end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }))
}
