import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { listen } from '../support/http.ts'

/**
 * A load balancer without a memory: it hands every request to the next of the ports, whatever it is about. While nothing listens at
 * one, as at the start of several processes, requests without a body go to the one after it. Stopped when the test ends.
 *
 * @param port - Where it listens. Default: a free one.
 * @returns Its port.
 */
export async function balance(ports: readonly number[], port?: number): Promise<number> {
  let next = 0
  function forward(req: IncomingMessage, res: ServerResponse, tries: number): void {
    const target = { host: '127.0.0.1', port: ports[next++ % ports.length], path: req.url, method: req.method }
    const onward = httpRequest({ ...target, headers: req.headers, agent: false }, answer => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' && req.method === 'GET' && tries > 1) forward(req, res, tries - 1)
      else if (res.headersSent) res.destroy()
      else res.writeHead(502).end()
    })
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  }
  const { port: own, close } = await listen((req, res) => forward(req, res, ports.length), port)
  onTestFinished(close)
  return own
}
