import { request as httpRequest } from 'node:http'
import { onTestFinished } from 'vitest'
import { listen } from '../support/http.ts'

/**
 * A load balancer without a memory: it hands every request to the next of the ports, whatever it is about. Stopped when the test
 * ends.
 *
 * @param port - Where it listens. Default: a free one.
 * @returns Its port.
 */
export async function balance(ports: readonly number[], port?: number): Promise<number> {
  let next = 0
  const { port: own, close } = await listen((req, res) => {
    const target = { host: '127.0.0.1', port: ports[next++ % ports.length], path: req.url, method: req.method }
    const onward = httpRequest({ ...target, headers: req.headers, agent: false }, answer => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()))
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  }, port)
  onTestFinished(close)
  return own
}
